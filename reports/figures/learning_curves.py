"""Validation metric over the epochs, or the seconds, of training, for exact training and each budget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
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


@dataclass(frozen=True)
class Over:
    """What a curve is drawn over."""

    name: str
    """As the page offers it."""
    title: str
    """Of the axis."""
    hover: str
    """Plotly hovertemplate."""

    def across(self, epochs: Sequence[int], seconds: Sequence[float]) -> dict[str, Any]:
        """Return where points are drawn that are so many epochs, and so many seconds, into a training."""
        x, other = (epochs, seconds) if self is EPOCHS else (seconds, epochs)
        return {"x": list(x), "customdata": list(other)}


EPOCHS = Over("epochs", "epoch", "epoch %{x}: %{y:.2f} points after %{customdata:.3g} s")
SECONDS = Over("seconds", "time of training, evaluation left out [s]", "epoch %{customdata}: %{y:.2f} points after %{x:.3g} s")


def draw(table: Table) -> Any:
    """Return the figure, or None where no training has a curve."""
    panels = []
    for key, found in settings(table.trainings).items():
        chosen = [each for each in method(found) if _curves(each)]
        palette = budget_colours(each.budget for each in chosen)
        for (base, lines), over in product(_by_base(chosen).items(), (EPOCHS, SECONDS)):
            traces = [trace for each in lines for trace in _drawn(each, palette.get(each.budget, EXACT_GREY), over)]
            titles = {"xaxis": over.title, "yaxis": f"validation {found[0].metric} [points]"}
            # PyTorch Geometric's own code takes so much longer that the others would share the first few pixels.
            far = over is SECONDS and any(each.kernel == AS_WRITTEN for each in lines)
            about = where(key) | {"multiply with": base, "over": over.name}
            panels.append(Panel(about, traces, titles=titles, logarithmic=("xaxis",) if far else ()))
    layout = {
        "height": 460,
        "xaxis": {"title": {"text": EPOCHS.title}, "rangemode": "tozero"},
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


def _drawn(setting: Trained, colour: str, over: Over) -> list[dict[str, Any]]:
    return [_line(setting, colour, over), *_switch(setting, colour, over)]


def _switch(setting: Trained, colour: str, over: Over) -> list[dict[str, Any]]:
    """The end of the last epoch that sampled, behind which a training was exact again."""
    curves = _curves(setting)
    epoch = switched_at(curves[0])
    if epoch is None or setting.budget is None or epoch > _epochs(curves):
        return []
    return [
        {
            "type": "scatter",
            "mode": "markers",
            "name": f"{setting.name}: exact from here on",
            "showlegend": False,
            **_points(curves, [epoch - 1], over),
            "marker": {"color": colour, "size": 10, "symbol": "diamond"},
            "hovertemplate": f"exact from here on, {over.hover}<extra>{setting.name}</extra>",
        }
    ]


def switched_at(curve: Training) -> int | None:
    """Return the epoch, from 0, from which on a training was exact to its end; None where it never was, or always."""
    shares = curve.flops_share or []
    sampled = [epoch for epoch, share in enumerate(shares) if share < 1]
    return sampled[-1] + 1 if sampled and sampled[-1] + 1 < len(shares) else None


def _line(setting: Trained, colour: str, over: Over) -> dict[str, Any]:
    curves = _curves(setting)
    epochs = _epochs(curves)
    drawn = sorted({*range(0, epochs, -(-epochs // MOST_POINTS)), epochs - 1})
    exact = setting.budget is None
    dash = "dot" if setting.kernel == AS_WRITTEN else "dash" if exact else "solid"
    return {
        "type": "scatter",
        "mode": "lines",
        "name": f"exact: {setting.kernel}" if exact else f"{setting.name}, {setting.kernel.partition('(')[0]}",
        **_points(curves, drawn, over),
        "line": {"color": colour, "width": 2.5 if exact else 2, "dash": dash},
        "hovertemplate": f"{over.hover}<extra>%{{fullData.name}}</extra>",
    }


def _epochs(curves: Sequence[Training]) -> int:
    """How many epochs all of them have."""
    return min(min(len(curve.val_metric or []), len(curve.epoch_s or [])) for curve in curves)


def _points(curves: Sequence[Training], drawn: Sequence[int], over: Over) -> dict[str, Any]:
    """The means over the seeds after some epochs, which are counted from 0."""
    times = [epoch_ends(curve) for curve in curves]
    seconds = [fmean(time[epoch] for time in times) for epoch in drawn]
    points = [100 * fmean((curve.val_metric or [])[epoch] for curve in curves) for epoch in drawn]
    return over.across([epoch + 1 for epoch in drawn], seconds) | {"y": points}


FIGURE = Figure(
    name="learning_curves",
    title="Learning over epochs and time",
    caption=(
        "The metric on the validation nodes after each epoch, over the epochs or over the time that it took to get there: means "
        "over the seeds. A line that ends as high as the dashed one learnt as much; over the seconds, one that ends to the left of "
        "it trained faster. Diamonds: here sampling ends, and training is exact from then on; the dip is to their left. "
        "Dotted: PyTorch Geometric's own code with an edge_index, as most people write it."
    ),
    draw=draw,
    order=13,
)
