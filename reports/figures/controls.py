"""Test metric over time of sampled training and of what people would do in its place: did sampling earn anything?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from rsc_bench.harness.compare.trained.candidates import EXACT_EPOCHS, fastest
from rsc_bench.harness.compare.trained.curve import epoch_ends, exact_epochs, points_after, points_at, time_s
from rsc_bench.harness.records.measurement import Training
from rsc_bench.kinds import BASELINES
from rsc_bench.reports.drawing.panels import Panel, assemble
from rsc_bench.reports.drawing.theme import EXACT_GREY, LAYERS, budget_colours
from rsc_bench.reports.figures import Figure
from rsc_bench.reports.figures.ablation import WORDS
from rsc_bench.reports.tables.table import Table
from rsc_bench.reports.tables.trainings import Trained, controls, earned, method, settings, where

MOST_POINTS = 100
HOVER = "%{y:.2f} points after %{x:.3g} s<extra>%{fullData.name}</extra>"

Seeds = Mapping[int | None, Training]


def draw(table: Table) -> Any:
    """Return the figure, a panel for each sampled kernel and budget, or None where nothing was sampled beside an exact training."""
    panels = []
    for key, found in settings(table.trainings).items():
        exact, verdicts = _exact(found), {(each.kernel, each.budget, each.variant): each.verdict for each in earned(found)}
        sampled = [each for each in method(found) if each.budget is not None and each.kernel not in BASELINES and _seeds(each)]
        for each in sorted(sampled, key=lambda each: (each.budget, each.kernel)) if exact else ():
            about = where(key) | {"budget": each.name, "sampled by": each.kernel}
            others = [other for other in controls(found) if other.budget in (None, each.budget)]
            titles = _titles(each, verdicts.get((each.kernel, each.budget, each.variant)))
            panels.append(Panel(about, _traces(each, exact, others), titles=titles))
    return assemble(panels, _layout())


def _exact(found: Sequence[Trained]) -> Trained | None:
    """The exact training that controls are read off."""
    ours = {(each.kernel, each.budget, each.variant): each for each in found}
    first = fastest({key: _seeds(each) for key, each in ours.items()})
    return ours[first] if first else None


def _seeds(setting: Trained) -> Seeds:
    return {row["seed"]: row["series"] for row in setting.rows if row["series"].val_metric and row["series"].epoch_s}


def _layout() -> dict[str, Any]:
    return {
        "height": 480,
        "xaxis": {"title": {"text": "time of training, evaluation left out [s]"}, "rangemode": "tozero"},
        "yaxis": {"title": {"text": "test metric of the best epoch so far [points]"}},
        "hovermode": "closest",
    }


def _titles(sampled: Trained, verdict: str | None) -> dict[str, str]:
    about = f": {verdict}" if verdict else ""
    return {"yaxis": f"test {sampled.metric} of the best epoch so far [points]", "xaxis": f"time of training [s]{about}"}


def _traces(sampled: Trained, exact: Trained, others: Sequence[Trained]) -> list[dict[str, Any]]:
    seeds, colour = _seeds(sampled), budget_colours([sampled.budget])[sampled.budget]
    traces = [*_line(exact, seeds, f"exact: {exact.kernel}", {"color": EXACT_GREY, "dash": "dash", "width": 2.5})]
    traces += _line(sampled, seeds, f"sampled, {sampled.name}: {sampled.kernel}", {"color": colour, "dash": "solid", "width": 3})
    palette = [shade for shade in LAYERS if shade != colour]
    for number, each in enumerate(others):
        name = WORDS.get(each.variant or "", each.variant or "")
        traces += _line(each, seeds, name, {"color": palette[number % len(palette)], "dash": "dot", "width": 1.8})
    return [*traces, *_exact_epochs(_seeds(exact), seeds)]


def _line(setting: Trained, sampled: Seeds, name: str, look: dict[str, Any]) -> list[dict[str, Any]]:
    """One line over the seeds of the sampled training, which ends where that does, with what it is judged by there."""
    until = {seed: time_s(training) for seed, training in sampled.items()}
    curves = {seed: curve for seed, curve in _seeds(setting).items() if seed in until}
    ends = [points for seed, curve in curves.items() if (points := points_at(curve, until[seed])) is not None]
    if not ends:
        return []
    end_s = fmean(min(time_s(curve), until[seed]) for seed, curve in curves.items())
    # A file of another program may have fewer times than metrics.
    epochs = min(min(len(curve.val_metric or []), len(curve.epoch_s or [])) for curve in curves.values())
    times = [epoch_ends(curve) for curve in curves.values()]
    seconds = [fmean(time[epoch] for time in times) for epoch in range(epochs)]
    before = [epoch for epoch in range(epochs) if seconds[epoch] < end_s * (1 - 1e-9)]
    drawn = before[:: max(1, -(-len(before) // MOST_POINTS))]
    points = [fmean(points_after(curve, epoch + 1) or 0.0 for curve in curves.values()) for epoch in drawn]
    return [
        {
            "type": "scatter",
            "mode": "lines",
            "name": name + _few(len(ends), len(sampled)),
            "x": [*(seconds[epoch] for epoch in drawn), end_s],
            "y": [*points, fmean(ends)],
            "line": look,
            "hovertemplate": HOVER,
        }
    ]


def _exact_epochs(exact: Seeds, sampled: Seeds) -> list[dict[str, Any]]:
    """The control that has the exact epochs of the sampled training alone, on the line of the exact one."""
    counts = {seed: exact_epochs(training) for seed, training in sampled.items() if seed in exact}
    marks = [
        (epoch_ends(exact[seed])[count - 1], points_after(exact[seed], count))
        for seed, count in counts.items()
        if 0 < count <= len(exact[seed].epoch_s or [])
    ]
    known = [(seconds, points) for seconds, points in marks if points is not None]
    if not known:
        return []
    return [
        {
            "type": "scatter",
            "mode": "markers",
            "name": EXACT_EPOCHS + _few(len(known), len(sampled)),
            "x": [fmean(seconds for seconds, _ in known)],
            "y": [fmean(points for _, points in known)],
            "marker": {"color": EXACT_GREY, "size": 11, "symbol": "diamond"},
            "hovertemplate": HOVER,
        }
    ]


def _few(seeds: int, of: int) -> str:
    """What a name ends with where it is not of all seeds: others may have other ends."""
    return f" ({seeds} of {of} seeds)" if seeds < of else ""


FIGURE = Figure(
    name="controls",
    title="Sampling against what else one could do in the time",
    caption=(
        "The test metric at the best validation epoch so far, over the time of training; means over the seeds. Thick: sampled "
        "training; where it ends, all others are stopped. Dashed: the fastest exact training, with a diamond behind as many "
        "epochs as the sampled one had that were exact. Dotted: other controls that were trained, random pairs, fewer edges, "
        "mini-batches. Sampling has earned something where the thick line ends above all others and the diamond; below the axis "
        "stands whether that is sure."
    ),
    draw=draw,
    order=10,
)
