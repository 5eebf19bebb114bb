"""Error against speed of the exact kernels: what each precision gains, and what it costs."""

from __future__ import annotations

import math
from typing import Any

from rsc_bench.harness.records.case import FLOAT32
from rsc_bench.reports.drawing.panels import Panel, assemble, where
from rsc_bench.reports.drawing.theme import colours, times_axis
from rsc_bench.reports.figures import Figure
from rsc_bench.reports.tables.rows import OPERATION, PRECISION, Row, by, is_exact, present
from rsc_bench.reports.tables.table import Table

SYMBOLS = ("circle", "diamond", "square", "triangle-up", "cross", "x", "star")
_SHARED = tuple(name for name in OPERATION if name not in {"dtype", PRECISION})


def draw(table: Table) -> Any:
    """Return the figure, or None where no product has two exact kernels with an error."""
    palette = colours(table.kernels)
    exact = [row for row in table.products if is_exact(row) and present(row, "latency", "error") and row["error"] > 0]
    classes = sorted({_class(row) for row in exact})
    symbols = {name: SYMBOLS[place % len(SYMBOLS)] for place, name in enumerate(classes)}
    panels = [_panel(where(key, _SHARED), rows, palette, symbols) for key, rows in by(exact, _SHARED).items() if len(rows) > 1]
    layout = {
        "height": 440,
        "xaxis": {
            "title": {"text": "relative error against float64 (←\u2009better)"},
            "type": "log",
            "dtick": 1,
            "exponentformat": "power",
            "range": _decades(exact),
        },
        "yaxis": times_axis("speed (better\u2009→)"),
        "shapes": [{"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": 1, "y1": 1}],
    }
    return assemble(panels, layout)


def _decades(rows: list[Row]) -> list[int] | None:
    """The whole powers of ten around all errors: within one of them an axis would have no number on it."""
    errors = [math.log10(row["error"]) for row in rows]
    return [math.floor(min(errors)), math.floor(max(errors)) + 1] if errors else None


def _class(row: Row) -> str:
    """What a kernel computes in, and what it stores where that is something else."""
    precision = row["dtype"] if row[PRECISION] is None else row[PRECISION]
    return precision if precision == row["dtype"] else f"{precision}, stored in {row['dtype']}"


def _panel(shown: dict[str, str], rows: list[Row], palette: dict[str, str], symbols: dict[str, str]) -> Panel:
    of_float32 = [row for row in rows if _class(row) == FLOAT32]
    baseline = min(of_float32 or rows, key=lambda row: float(row["latency"]))
    what = f"the fastest exact kernel of float32, {baseline['kernel']}"
    if not of_float32:
        what = f"{baseline['kernel']}, the fastest here: no exact kernel of float32 was measured (--dtype float32 measures them)"
    ordered = sorted(rows, key=lambda row: (row["kernel"], _class(row)))
    dots = [_dot(row, float(baseline["latency"]), palette[row["kernel"]], symbols[_class(row)]) for row in ordered]
    return Panel(shown, dots, note=f"1× is {what}.")


def _dot(row: Row, baseline_ms: float, colour: str, symbol: str) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": f"{row['kernel']} ({_class(row)})",
        "x": [row["error"]],
        "y": [baseline_ms / row["latency"]],
        "text": [f"{row['latency']:.3g} ms"],
        "hovertemplate": "%{text}, %{y:.2f}×, error %{x:.2g}<extra>%{fullData.name}</extra>",
        "cliponaxis": False,
        "marker": {"color": colour, "size": 13, "symbol": symbol, "opacity": 0.9},
    }


FIGURE = Figure(
    name="exact_error",
    title="Error against speed of exact kernels",
    caption=(
        "Each marker is one exact kernel: its shape is what it computes in, and what it stores where that differs. Up is faster, "
        "left is closer to the product in float64. The dotted line is the fastest exact kernel of float32."
    ),
    draw=draw,
    order=4,
)
