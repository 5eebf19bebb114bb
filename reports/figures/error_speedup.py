"""Error against speedup: what a kernel gains, and what it costs, along its budgets."""

from __future__ import annotations

from typing import Any

from rsc_bench.reports.drawing.lines import Lines, line_panels
from rsc_bench.reports.drawing.panels import assemble
from rsc_bench.reports.drawing.theme import times_axis
from rsc_bench.reports.figures import Figure
from rsc_bench.reports.tables.table import Table

LINES = Lines(x="error", y="speedup", label="budget", hover="C = %{text}: %{y:.2f}×, error %{x:.3f}")


def draw(table: Table) -> Any:
    """Return the figure, or None where no sampled kernel has both an error and a speedup."""
    layout = {
        "height": 480,
        "xaxis": {"title": {"text": "relative error against the exact product (←\u2009better)"}, "rangemode": "tozero"},
        "yaxis": times_axis("speedup (better\u2009→)"),
        "shapes": [{"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": 1, "y1": 1}],
        "annotations": [{"text": "fastest exact kernel", "xref": "paper", "x": 1, "xanchor": "right", "y": 0, "yanchor": "bottom"}],
    }
    return assemble(line_panels(table, LINES), layout)


FIGURE = Figure(
    name="error_speedup",
    title="Error against speedup",
    caption=(
        "Each line is one sampled kernel, each marker a budget C (the label): the share of the exact FLOPs it may spend. "
        "Up is faster, left is closer to the exact product. The dotted line is the fastest exact kernel of the same round."
    ),
    draw=draw,
    order=1,
)
