"""Speedup against budget, beside the speedup that an ideal kernel would have."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from rsc_bench.reports.drawing.lines import Lines, line_panels
from rsc_bench.reports.drawing.panels import Panel, assemble
from rsc_bench.reports.drawing.theme import times_axis
from rsc_bench.reports.figures import Figure
from rsc_bench.reports.tables.table import Table

LINES = Lines(x="budget", y="speedup", label=None, hover="C = %{x}: %{y:.2f}×")


def draw(table: Table) -> Any:
    """Return the figure, or None where no sampled kernel has a speedup."""
    panels = line_panels(table, LINES)
    if not panels:
        return None
    ideal = _ideal(panels)
    layout = {
        "height": 480,
        "xaxis": {"title": {"text": "budget C, share of the exact FLOPs"}, "type": "log", "tickvals": ideal["x"]},
        "yaxis": times_axis("speedup (better\u2009→)"),
        "shapes": [{"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": 1, "y1": 1}],
    }
    return assemble([replace(panel, traces=[ideal, *panel.traces]) for panel in panels], layout)


def _ideal(panels: list[Panel]) -> dict[str, Any]:
    budgets = sorted({budget for panel in panels for trace in panel.traces for budget in trace["x"] if budget > 0})
    return {
        "type": "scatter",
        "mode": "lines",
        "name": "ideal 1/C",
        "x": budgets,
        "y": [1 / budget for budget in budgets],
        "line": {"color": "#8b96a1", "width": 1.5, "dash": "dash"},
        "hoverinfo": "skip",
    }


FIGURE = Figure(
    name="speedup_budget",
    title="Speedup against budget",
    caption=(
        "The dashed line is 1/C: what a kernel would reach whose time follows its FLOPs and whose selection is free. "
        "The dotted line is the fastest exact kernel. A line that flattens to the left pays for its selection."
    ),
    draw=draw,
    order=2,
)
