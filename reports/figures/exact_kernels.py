"""The exact kernels beside each other, as multiples of the fastest, on every graph and width."""

from __future__ import annotations

from typing import Any

from rsc_bench.reports.drawing.panels import Panel, assemble, where
from rsc_bench.reports.drawing.theme import colours, times_axis
from rsc_bench.reports.figures import Figure
from rsc_bench.reports.tables.rows import OPERATION, PRECISION, Row, absent, by, is_exact, present
from rsc_bench.reports.tables.table import Table

ROW_PX = 34
AROUND_PX = 120
# Beyond this many rows the width is chosen apart, so that a panel stays within a screen or two.
ROWS_AT_ONCE = 30
_ROW = ("graph", "width", PRECISION)

_OF_ALL_CLASSES = tuple(name for name in OPERATION if name != PRECISION)
_SHARED = tuple(name for name in OPERATION if name not in {"graph", "width", PRECISION})


def draw(table: Table) -> Any:
    """Return the figure, or None where no operation has two exact kernels."""
    palette = colours(table.kernels)
    exact = [row for row in table.products if is_exact(row) and present(row, "latency", "speedup")]  # of what compares with none
    several = [rows for rows in by(exact, _OF_ALL_CLASSES).values() if len(rows) > 1]
    relative = [entry for rows in several for of_class in by(rows, [PRECISION]).values() for entry in _relative(of_class)]
    columns = _columns(relative)
    panels = [_panel(where(key, columns), rows, palette) for key, rows in by(relative, columns).items()]
    layout = {
        "xaxis": times_axis("time relative to the fastest (←\u2009better)"),
        "yaxis": {"autorange": "reversed", "type": "category", "ticklabelstandoff": 8},
    }
    return assemble(panels, layout)


def _relative(rows: list[Row]) -> list[Row]:
    fastest = min(row["latency"] for row in rows)
    return [row | {"relative": row["latency"] / fastest} for row in rows]


def _columns(rows: list[Row]) -> tuple[str, ...]:
    crowded = max((len(by(found, _ROW)) for found in by(rows, _SHARED).values()), default=0) > ROWS_AT_ONCE
    return (*_SHARED, "width") if crowded else _SHARED


def _panel(shown: dict[str, str], rows: list[Row], palette: dict[str, str]) -> Panel:
    height_px = AROUND_PX + ROW_PX * len(by(rows, _ROW))
    # Plotly orders the rows as it meets them: the kernel that runs on most graphs comes first and sets the order.
    kernels = sorted(by(rows, ["kernel"]).items(), key=lambda entry: -len(entry[1]))
    return Panel(shown, [_dots(kernel, found, palette[kernel]) for (kernel,), found in kernels], height_px)


def _dots(kernel: str, rows: list[Row], colour: str) -> dict[str, Any]:
    ordered = sorted(rows, key=lambda row: (row["graph"], row["width"], row[PRECISION] or ""))
    return {
        "type": "scatter",
        "mode": "markers",
        "name": kernel,
        "x": [row["relative"] for row in ordered],
        "y": [_place(row) for row in ordered],
        "text": [_said(row) for row in ordered],
        "hovertemplate": "%{text}, %{x:.2f}× the fastest<extra>%{fullData.name}</extra>",
        "marker": {"color": colour, "size": 13, "opacity": 0.9},
    }


def _place(row: Row) -> str:
    of_class = "" if absent(row[PRECISION]) else f", {row[PRECISION]}"
    return f"{row['graph']}, d = {row['width']}{of_class}"


def _said(row: Row) -> str:
    error = f", error {row['error']:.2g}" if present(row, "error") else ""
    return f"{row['latency']:.3g} ms{error}"


FIGURE = Figure(
    name="exact_kernels",
    title="Exact kernels",
    caption="Each dot is one exact kernel; 1× is the fastest of its precision on that graph and width, 2× takes twice as long.",
    draw=draw,
    order=4,
)
