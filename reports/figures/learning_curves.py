"""Validation metric over the seconds of training, for exact training and each budget."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean
from typing import Any

from rsc_bench.harness.compare.trained.curve import epoch_ends
from rsc_bench.harness.records.measurement import Training
from rsc_bench.kinds import AS_WRITTEN
from rsc_bench.reports.drawing.panels import Panel, assemble
from rsc_bench.reports.drawing.theme import EXACT_GREY, budget_colours
from rsc_bench.reports.figures import Figure
from rsc_bench.reports.tables.table import Table
from rsc_bench.reports.tables.trainings import Trained, method, settings, where

# More points than a screen has pixels for only make the page heavy.
MOST_POINTS = 200


def draw(table: Table) -> Any:
    """Return the figure, or None where no training has a curve."""
    panels, far = [], False
    for key, found in settings(table.trainings).items():
        chosen = [each for each in method(found) if _curves(each)]
        far = far or any(each.kernel == AS_WRITTEN for each in chosen)
        palette = budget_colours(each.budget for each in chosen)
        for base, lines in _by_base(chosen).items():
            traces = [trace for each in lines for trace in _drawn(each, palette.get(each.budget, EXACT_GREY))]
            panels.append(
                Panel(where(key) | {"multiply with": base}, traces, titles={"yaxis": f"validation {found[0].metric} [points]"})
            )
    layout = {
        "height": 460,
        # PyTorch Geometric's own code takes so much longer that the others would share the first few pixels.
        "xaxis": {
            "title": {"text": "time of training, evaluation left out [s]"},
            **({"type": "log"} if far else {"rangemode": "tozero"}),
        },
        "yaxis": {"title": {"text": "validation metric [points]"}},
        "hovermode": "closest",
    }
    return assemble(panels, layout)


def _by_base(found: Sequence[Trained]) -> dict[str, list[Trained]]:
    """The sampled settings before each exact kernel, with the fastest exact training, which comes first, and PyG's own code."""
    every = [each for each in found if each.exact]
    exact = [each for each in every if each is every[0] or each.kernel == AS_WRITTEN]
    bases = dict.fromkeys(each.base for each in found if each.budget is not None) or dict.fromkeys(each.base for each in exact[:1])
    return {base: [*exact, *(each for each in found if each.budget is not None and each.base == base)] for base in bases}


def _curves(setting: Trained) -> list[Training]:
    return [row["series"] for row in setting.rows if row["series"].val_metric and row["series"].epoch_s]


def _drawn(setting: Trained, colour: str) -> list[dict[str, Any]]:
    return [_line(setting, colour), *_switch(setting, colour)]


def _switch(setting: Trained, colour: str) -> list[dict[str, Any]]:
    """The epoch from which on a sampled training was exact again."""
    curves = _curves(setting)
    epoch = switched_at(curves[0])
    if epoch is None or setting.budget is None:
        return []
    points = [(epoch_ends(curve)[epoch], 100 * (curve.val_metric or [])[epoch]) for curve in curves]
    return [
        {
            "type": "scatter",
            "mode": "markers",
            "name": f"{setting.name}: exact from here on",
            "showlegend": False,
            "x": [fmean(x for x, _ in points)],
            "y": [fmean(y for _, y in points)],
            "marker": {"color": colour, "size": 10, "symbol": "diamond"},
            "hovertemplate": f"exact from epoch {epoch + 1} on: %{{y:.2f}} points after %{{x:.3g}} s<extra>{setting.name}</extra>",
        }
    ]


def switched_at(curve: Training) -> int | None:
    """Return the epoch, from 0, from which on a training was exact to its end; None where it never was, or always."""
    shares = curve.flops_share or []
    sampled = [epoch for epoch, share in enumerate(shares) if share < 1]
    return sampled[-1] + 1 if sampled and sampled[-1] + 1 < len(shares) else None


def _line(setting: Trained, colour: str) -> dict[str, Any]:
    curves = _curves(setting)
    epochs = min(min(len(curve.val_metric or []), len(curve.epoch_s or [])) for curve in curves)
    times = [epoch_ends(curve) for curve in curves]
    drawn = sorted({*range(0, epochs, -(-epochs // MOST_POINTS)), epochs - 1})
    exact = setting.budget is None
    dash = "dot" if setting.kernel == AS_WRITTEN else "dash" if exact else "solid"
    return {
        "type": "scatter",
        "mode": "lines",
        "name": f"exact: {setting.kernel}" if exact else f"{setting.name}, {setting.kernel.partition('(')[0]}",
        "x": [fmean(time[epoch] for time in times) for epoch in drawn],
        "y": [100 * fmean((curve.val_metric or [])[epoch] for curve in curves) for epoch in drawn],
        "text": [f"epoch {epoch + 1}" for epoch in drawn],
        "line": {"color": colour, "width": 2.5 if exact else 2, "dash": dash},
        "hovertemplate": "%{text}: %{y:.2f} points after %{x:.3g} s<extra>%{fullData.name}</extra>",
    }


FIGURE = Figure(
    name="learning_curves",
    title="Learning over time",
    caption=(
        "The metric on the validation nodes after each epoch over the time it took to get there, both means over the seeds. "
        "A line that ends to the left of the dashed one trained faster; one that ends as high learnt as much. "
        "Diamonds: from here on a sampled training is exact, so the dip while it samples is to their left. "
        "Dotted: PyTorch Geometric's own code with an edge_index, as most people write it."
    ),
    draw=draw,
    order=13,
)
