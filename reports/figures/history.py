"""Time of each case over the commits that one machine measured, with the runs marked at which it stepped."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rsc_bench.harness.statistics.change_points import FALSE_MARKS, MIN_RUNS, MIN_STAY, ChangePoint
from rsc_bench.reports.drawing.panels import Panel, assemble
from rsc_bench.reports.drawing.theme import colours
from rsc_bench.reports.figures import Figure
from rsc_bench.reports.tables.histories import History, Series, Stop, histories
from rsc_bench.reports.tables.table import Table

SLOWER, FASTER = "#D55E00", "#009E73"
NAMED_CASES = 5
OVERVIEW = "all cases: how many stepped at each run"


def draw(table: Table) -> Any:
    """Return the figure, or None where no machine has three files that share a case."""
    palette = colours(table.kernels)
    panels = [panel for history in histories(table) if history.series for panel in _panels(history, palette)]
    layout = {
        "height": 420,
        "showlegend": False,
        "barmode": "relative",
        "xaxis": {"type": "category", "tickangle": -45, "title": {"text": "commit and day of the run"}},
        "yaxis": {"title": {"text": "time"}},
    }
    return assemble(panels, layout)


def _panels(history: History, palette: dict[str, str]) -> list[Panel]:
    labels = [stop.label for stop in history.stops]
    overview = Panel(
        {"machine": history.machine, "case": OVERVIEW}, _overview(history, labels), titles={"yaxis": "slower ↑ / faster ↓ [cases]"}
    )
    drawn = [
        Panel(
            {"machine": history.machine, "case": f"{_steps(series, labels)}{series.case}"},
            _case(series, labels, palette[series.kernel]),
            titles={"yaxis": f"{'training' if series.unit == 's' else 'latency'} [{series.unit}] (←\u2009better)"},
        )
        for series in history.series
    ]
    # What stepped comes first: of many cases few did.
    return [overview, *drawn] if any(series.steps for series in history.series) else drawn


def _overview(history: History, labels: Sequence[str]) -> list[dict[str, Any]]:
    return [_counted(history, labels, slower=True), _counted(history, labels, slower=False)]


def _counted(history: History, labels: Sequence[str], *, slower: bool) -> dict[str, Any]:
    found: list[list[tuple[float, str]]] = [[] for _ in labels]
    for series in history.series:
        for step in series.steps:
            if (step.ratio > 1) == slower:
                found[step.place].append((step.ratio, series.case))
    return {
        "type": "bar",
        "name": "slower" if slower else "faster",
        "x": list(labels),
        "y": [len(each) if slower else -len(each) for each in found],
        "customdata": [_named(each, stop, slower) for each, stop in zip(found, history.stops, strict=True)],
        "hovertemplate": "%{x}: %{customdata}<extra></extra>",
        "text": [f"{len(each)}" if each else "" for each in found],
        "textposition": "outside",
        "cliponaxis": False,
        "marker": {"color": SLOWER if slower else FASTER},
    }


def _named(steps: list[tuple[float, str]], stop: Stop, slower: bool) -> str:
    """The gravest steps of a run by name, and what else than the commit was new in it."""
    ordered = sorted(steps, key=lambda step: (-step[0] if slower else step[0], step[1]))
    lines = [f"{len(steps)} {'slower' if slower else 'faster'}", *(f"{ratio:.3g}× {case}" for ratio, case in ordered[:NAMED_CASES])]
    lines += [f"and {len(steps) - NAMED_CASES} more"] if len(steps) > NAMED_CASES else []
    return "<br>".join([*lines, *(f"also different: {each}" for each in stop.differs)])


def _case(series: Series, labels: Sequence[str], colour: str) -> list[dict[str, Any]]:
    line = {
        "type": "scatter",
        "mode": "lines+markers",
        "x": list(labels),
        "y": list(series.times),
        "error_y": {
            "type": "data",
            "symmetric": False,
            "array": _gaps(series.highs, series.times),
            "arrayminus": _gaps(series.times, series.lows),
            "thickness": 1,
            "width": 0,
        },
        "connectgaps": True,
        "hovertemplate": f"%{{x}}: %{{y:.4g}} {series.unit}<extra></extra>",
        "line": {"color": colour, "width": 1.5},
        "marker": {"color": colour, "size": 7},
    }
    return [line, *(_mark(step, series, labels) for step in series.steps)]


def _gaps(above: Sequence[float | None], below: Sequence[float | None]) -> list[float | None]:
    return [None if high is None or low is None else high - low for high, low in zip(above, below, strict=True)]


def _mark(step: ChangePoint, series: Series, labels: Sequence[str]) -> dict[str, Any]:
    slower = step.ratio > 1
    colour = SLOWER if slower else FASTER
    return {
        "type": "scatter",
        "mode": "markers+text",
        "x": [labels[step.place]],
        "y": [series.times[step.place]],
        "text": [f"{step.ratio:.3g}×"],
        "textposition": "top center" if slower else "bottom center",
        "textfont": {"color": colour, "size": 13},
        "hovertemplate": f"from here on {step.ratio:.3g}× the time<extra></extra>",
        "marker": {"color": colour, "size": 15, "symbol": "triangle-up" if slower else "triangle-down"},
        "cliponaxis": False,
    }


def _steps(series: Series, labels: Sequence[str]) -> str:
    """What stands before a case's name in the choice: its steps, so that a reader sees which to open."""
    if not series.steps:
        return ""
    return ", ".join(f"{step.ratio:.3g}× at {labels[step.place]}" for step in series.steps) + ": "


FIGURE = Figure(
    name="history",
    title="History",
    caption=(
        "Time of each case over the runs of one machine, in order of their commits; a thin line spans the rounds of a run. A "
        "triangle marks a run from which on the time is another: up is slower. Cases that stepped come first in the choice. Where "
        "many stepped at once, the machine or a library may have changed: point at the bar. A mark takes "
        f"{MIN_RUNS} runs and a level that stays for {MIN_STAY}; a drift has none. Of pages with steady times at most one in "
        f"{1 / FALSE_MARKS:.0f} should have any."
    ),
    draw=draw,
    order=8,
    every_run=True,
)
