"""Test metric over time of sampled training and of what people would do in its place: did sampling earn anything?"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean
from typing import Any

from rsc_bench.harness.compare.trained.curve import epoch_ends
from rsc_bench.harness.metrics.training import points_after
from rsc_bench.harness.records.measurement import Training
from rsc_bench.kinds import BASELINES
from rsc_bench.reports.drawing.panels import Panel, assemble
from rsc_bench.reports.drawing.theme import EXACT_GREY, LAYERS, budget_colours
from rsc_bench.reports.figures import Figure
from rsc_bench.reports.figures.ablation import WORDS
from rsc_bench.reports.tables.table import Table
from rsc_bench.reports.tables.trainings import Trained, controls, earned, method, settings, where

MOST_POINTS = 100


def draw(table: Table) -> Any:
    """Return the figure, or None where nothing was sampled beside an exact training."""
    panels = []
    for key, found in settings(table.trainings).items():
        ours = [each for each in method(found) if each.kernel not in BASELINES]
        exact = [each for each in ours if each.exact][:1]
        for budget in sorted({each.budget for each in ours if each.budget is not None}):
            sampled = [each for each in ours if each.budget == budget]
            others = [each for each in controls(found) if each.budget in (None, budget)]
            if exact:
                about = where(key) | {"budget": f"C = {budget:g}"}
                panels.append(Panel(about, _traces(exact, sampled, others, budget), titles=_titles(found, sampled)))
    return assemble(panels, _layout())


def _layout() -> dict[str, Any]:
    return {
        "height": 480,
        "xaxis": {"title": {"text": "time of training, evaluation left out [s]"}, "rangemode": "tozero"},
        "yaxis": {"title": {"text": "test metric of the best epoch so far [points]"}},
        "hovermode": "closest",
    }


def _titles(found: Sequence[Trained], sampled: Sequence[Trained]) -> dict[str, str]:
    ours = {(each.kernel, each.budget, each.variant) for each in sampled}
    said = [each.verdict for each in earned(found) if (each.kernel, each.budget, each.variant) in ours]
    about = f": {said[0]}" if said else ""
    return {"yaxis": f"test {found[0].metric} of the best epoch so far [points]", "xaxis": f"time of training [s]{about}"}


def _traces(exact: Sequence[Trained], sampled: Sequence[Trained], others: Sequence[Trained], budget: float) -> list[dict[str, Any]]:
    colour = budget_colours([budget])[budget]
    lines = [_line(each, f"exact: {each.kernel}", EXACT_GREY, "dash", 2.5) for each in exact]
    lines += [_line(each, f"sampled, {each.name}: {each.kernel}", colour, "solid", 3) for each in sampled]
    palette = [shade for shade in LAYERS if shade != colour]
    for number, each in enumerate(others):
        name = WORDS.get(each.variant or "", each.variant or "")
        lines.append(_line(each, name, palette[number % len(palette)], "dot", 1.8))
    return lines


def _line(setting: Trained, name: str, colour: str, dash: str, width: float) -> dict[str, Any]:
    curves: list[Training] = [row["series"] for row in setting.rows if row["series"].val_metric and row["series"].epoch_s]
    # A file of another program may have fewer times than metrics.
    epochs = min((min(len(curve.val_metric or []), len(curve.epoch_s or [])) for curve in curves), default=0)
    drawn = sorted({*range(0, epochs, -(-epochs // MOST_POINTS)), epochs - 1}) if epochs else []
    times = [epoch_ends(curve) for curve in curves]
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": [fmean(time[epoch] for time in times) for epoch in drawn],
        "y": [fmean(points_after(curve, epoch + 1) or 0.0 for curve in curves) for epoch in drawn],
        "line": {"color": colour, "width": width, "dash": dash},
        "hovertemplate": "%{y:.2f} points after %{x:.3g} s<extra>%{fullData.name}</extra>",
    }


FIGURE = Figure(
    name="controls",
    title="Sampling against what else one could do in the time",
    caption=(
        "The test metric at the best validation epoch so far, over the time of training; means over the seeds. Thick: sampled "
        "training. Dashed: exact training, which is stopped where the sampled one ends. Dotted: other controls that were trained, "
        "random pairs, fewer edges, mini-batches. Sampling has earned something where the thick line ends above all others."
    ),
    draw=draw,
    order=10,
)
