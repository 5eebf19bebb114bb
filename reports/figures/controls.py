"""Test metric over time of sampled training and of what people would do in its place: did sampling earn anything?"""

from __future__ import annotations

from collections.abc import Iterator
from statistics import fmean
from typing import Any

from rsc_bench.harness.compare.trained.candidates import (
    AS_LONG,
    EXACT_EPOCHS,
    Control,
    Seeds,
    SettingKey,
    Settings,
    controls_of,
    in_one_round,
)
from rsc_bench.harness.compare.trained.curve import epoch_ends, exact_epochs, final_points, time_s
from rsc_bench.harness.metrics.training import points_after
from rsc_bench.reports.drawing.panels import Panel, assemble
from rsc_bench.reports.drawing.theme import EXACT_GREY, LAYERS, budget_colours
from rsc_bench.reports.figures import Figure
from rsc_bench.reports.figures.ablation import WORDS
from rsc_bench.reports.tables.table import Table
from rsc_bench.reports.tables.trainings import Trained, by_round, earned, method, settings, where

MOST_POINTS = 100
HOVER = "%{y:.2f} points after %{x:.3g} s<extra>%{fullData.name}</extra>"


def draw(table: Table) -> Any:
    """Return the figure, a panel for each sampled kernel and budget, or None where nothing was sampled beside an exact training."""
    panels = []
    for key, found in settings(table.trainings).items():
        rounds, verdicts = list(map(_drawable, by_round(found))), {_key(each): each.verdict for each in earned(found)}
        sampled = [each for each in method(found) if each.budget is not None and _key(each) in verdicts]
        for each in sorted(sampled, key=lambda each: (each.budget, each.kernel)):
            about = where(key) | {"budget": each.name, "sampled by": each.kernel}
            traces = [*_traces(each, in_one_round(rounds, _key(each)))]
            if traces:
                panels.append(Panel(about, traces, titles=_titles(each, verdicts[_key(each)])))
    return assemble(panels, _layout())


def _key(each: Any) -> SettingKey:
    return each.kernel, each.budget, each.variant


def _drawable(trained: Settings) -> Settings:
    """What has a metric and the seconds of each epoch, which files of other programs may lack."""
    return {
        key: {seed: each for seed, each in seeds.items() if each.epoch_s and points_after(each) is not None}
        for key, seeds in trained.items()
    }


def _layout() -> dict[str, Any]:
    return {
        "height": 480,
        "xaxis": {"title": {"text": "time of training, evaluation left out [s]"}, "rangemode": "tozero"},
        "yaxis": {"title": {"text": "test metric of the best epoch so far [points]"}},
        "hovermode": "closest",
    }


def _titles(sampled: Trained, verdict: str) -> dict[str, str]:
    return {"yaxis": f"test {sampled.metric} of the best epoch so far [points]", "xaxis": f"time of training [s]: {verdict}"}


def _traces(sampled: Trained, trained: Settings) -> Iterator[dict[str, Any]]:
    """Each control as it is judged, and the sampled training; nothing without an exact one."""
    key = _key(sampled)
    controls = {each.name: each for each in controls_of(trained, key, {})} if trained else {}
    exact = next((name for name, seeds in trained.items() if controls and seeds is controls[AS_LONG].trained), None)
    if exact is None:
        return
    seeds, colour = trained[key], budget_colours([sampled.budget])[sampled.budget]
    own = Control(f"sampled, {sampled.name}: {sampled.kernel}", {seed: final_points(each) for seed, each in seeds.items()}, seeds)
    look = {"color": EXACT_GREY, "dash": "dash", "width": 2.5}
    yield from _line(controls.pop(AS_LONG), seeds, f"exact: {exact[0]}", look)
    yield from _line(own, seeds, own.name, {"color": colour, "dash": "solid", "width": 3})
    mark = _exact_epochs(controls.pop(EXACT_EPOCHS), seeds, trained[exact])
    palette = [shade for shade in LAYERS if shade != colour]
    for number, each in enumerate(controls.values()):
        look = {"color": palette[number % len(palette)], "dash": "dot", "width": 1.8}
        yield from _line(each, seeds, WORDS.get(each.name, each.name), look)
    # Last, so that no line lies over it.
    yield from mark


def _line(control: Control, sampled: Seeds, name: str, look: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """One line, which ends where the sampled training does, with what it is judged by there."""
    ends = [points for points in control.points.values() if points is not None]
    if not ends:
        return
    curves = [control.trained[seed] for seed in control.points]
    end_s = fmean(min(time_s(control.trained[seed]), time_s(sampled[seed])) for seed in control.points)
    # A file of another program may have fewer times than metrics.
    epochs = min(min(len(curve.val_metric or []), len(curve.epoch_s or [])) for curve in curves)
    times = [epoch_ends(curve) for curve in curves]
    seconds = [fmean(time[epoch] for time in times) for epoch in range(epochs)]
    before = [epoch for epoch in range(epochs) if seconds[epoch] < end_s * (1 - 1e-9)]
    drawn = before[:: max(1, -(-len(before) // MOST_POINTS))]
    points = [fmean(points_after(curve, epoch + 1) or 0.0 for curve in curves) for epoch in drawn]
    yield {
        "type": "scatter",
        "mode": "lines",
        "name": name + _few(len(ends), len(sampled)),
        "x": [*(seconds[epoch] for epoch in drawn), end_s],
        "y": [*points, fmean(ends)],
        "line": look,
        "hovertemplate": HOVER,
    }


def _exact_epochs(control: Control, sampled: Seeds, exact: Seeds) -> Iterator[dict[str, Any]]:
    """The control that has the exact epochs of the sampled training alone, on the line of the exact one."""
    known = {seed: points for seed, points in control.points.items() if points is not None}
    times = {seed: epoch_ends(exact[seed])[: exact_epochs(sampled[seed])] for seed in known}
    if not known or not all(times.values()):
        return
    yield {
        "type": "scatter",
        "mode": "markers",
        "name": EXACT_EPOCHS + _few(len(known), len(sampled)),
        "x": [fmean(ends[-1] for ends in times.values())],
        "y": [fmean(known.values())],
        "marker": {"color": EXACT_GREY, "size": 11, "symbol": "diamond"},
        "hovertemplate": HOVER,
    }


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
