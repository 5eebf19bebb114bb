"""Where the time of one epoch goes, for exact training and each budget."""

from __future__ import annotations

from statistics import fmean
from typing import Any

from rsc_bench.reports.drawing.panels import Panel, assemble
from rsc_bench.reports.figures import Figure
from rsc_bench.reports.tables.rows import Row
from rsc_bench.reports.tables.table import Table
from rsc_bench.reports.tables.trainings import Trained, method, settings, where

ROW_PX = 34
AROUND_PX = 150

# In the order of an epoch, with what each is called; evaluation is no part of training.
PHASES = {
    "batches": ("drawing mini-batches", "#009E73"),
    "forward_spmm": ("forward SpMM", "#0072B2"),
    "backward_spmm": ("backward SpMM", "#56B4E9"),
    "select": ("selecting", "#D55E00"),
    "allocate": ("allocating", "#E69F00"),
    "dense": ("dense", "#9aa6b1"),
    "optimiser": ("optimiser", "#CC79A7"),
}
REST = ("everything else", "#6B8299")


def draw(table: Table) -> Any:
    """Return the figure, or None where no training has its time by phase."""
    panels = []
    for key, found in settings(table.trainings).items():
        shown = [each for each in method(found) if any(row["series"].phase_s and row["series"].epoch_s for row in each.rows)]
        if shown:
            panels.append(Panel(where(key), _bars(shown), AROUND_PX + ROW_PX * len(shown)))
    layout = {
        "barmode": "stack",
        "bargap": 0.35,
        "margin": {"l": 8, "r": 72, "t": 16, "b": 8},
        "xaxis": {"title": {"text": "mean time of one epoch [ms] (←\u2009better)"}, "rangemode": "tozero"},
        "yaxis": {"autorange": "reversed", "ticklabelstandoff": 8, "type": "category"},
        "legend": {"traceorder": "normal"},
    }
    return assemble(panels, layout)


def _bars(shown: list[Trained]) -> list[dict[str, Any]]:
    names = [each.kernel if each.budget is None else f"{each.kernel}, C = {each.budget:g}" for each in shown]
    spent = [_spent_ms(each.rows) for each in shown]
    totals = [sum(phases.values()) for phases in spent]
    bars = []
    for phase, (summary, colour) in {**PHASES, "": REST}.items():
        lengths = [phases.get(phase, 0.0) for phases in spent]
        # What would be a hair on the longest bar, or nothing, needs no colour in the legend.
        if max(lengths) > 1e-3 * max(totals):
            bars.append(_bar(summary, names, lengths, colour))
    if bars:
        bars[-1] |= {"text": [f"{total:.3g} ms" for total in totals], "textposition": "outside", "cliponaxis": False}
    return bars


def _bar(summary: str, names: list[str], lengths: list[float], colour: str) -> dict[str, Any]:
    bar = {"type": "bar", "orientation": "h", "name": summary, "y": names, "x": lengths, "marker": {"color": colour}}
    return bar | {"hovertemplate": "%{x:.3g} ms<extra>%{fullData.name}</extra>"}


def _spent_ms(rows: list[Row]) -> dict[str, float]:
    """Mean milliseconds of an epoch by phase over all seeds; under no name what the phases leave of it."""
    series = [row["series"] for row in rows if row["series"].phase_s and row["series"].epoch_s]
    phases = {name: 1e3 * fmean(_mean(each.phase_s.get(name)) for each in series) for name in PHASES}
    whole = 1e3 * fmean(fmean(each.epoch_s) for each in series)
    return phases | {"": max(0.0, whole - sum(phases.values()))}


def _mean(seconds: list[float] | None) -> float:
    return fmean(seconds) if seconds else 0.0


FIGURE = Figure(
    name="epoch_time",
    title="Where an epoch's time goes",
    caption=(
        "Mean over all epochs and seeds, the exact ones at the end of a sampled training included; evaluation left out. Sampling "
        "shortens the backward SpMM alone: what the other bars take is the ceiling of its speedup."
    ),
    draw=draw,
    order=14,
)
