"""Where the time of one call goes: selecting, and multiplying what was selected."""

from __future__ import annotations

from typing import Any

from rsc_bench.reports.drawing.panels import Panel, assemble, where
from rsc_bench.reports.drawing.theme import colours
from rsc_bench.reports.figures import Figure
from rsc_bench.reports.tables.rows import Row, by, is_exact, operations, present
from rsc_bench.reports.tables.table import Table

ROW_PX = 30
AROUND_PX = 90


def draw(table: Table) -> Any:
    """Return the figure, or None where no sampled kernel was timed."""
    palette = colours(table.kernels)
    panels = [panel for key, rows in operations(table.products) for panel in _panels(key, rows, palette)]
    layout = {
        "barmode": "stack",
        "bargap": 0.35,
        "showlegend": False,
        "margin": {"l": 8, "r": 72, "t": 16, "b": 8},
        "xaxis": {"title": {"text": "time of one call [ms] (←\u2009better)"}, "rangemode": "tozero"},
        "yaxis": {"autorange": "reversed", "ticklabelstandoff": 8},
    }
    return assemble(panels, layout)


def _panels(operation: tuple[Any, ...], rows: list[Row], palette: dict[str, str]) -> list[Panel]:
    exact = sorted((row for row in rows if is_exact(row) and present(row, "latency")), key=_time)[:1]
    sampled = [row for row in rows if present(row, "budget", "latency", "multiply")]
    panels = []
    for (budget,), found in by(sampled, ["budget"]).items():
        shown = [*exact, *sorted(found, key=_time)]
        height_px = AROUND_PX + ROW_PX * len(shown)
        panels.append(Panel(where(operation) | {"budget": f"{budget:g}"}, _bars(shown, palette), height_px))
    return panels


def _time(row: Row) -> float:
    return float(row["latency"])


def _bars(rows: list[Row], palette: dict[str, str]) -> list[dict[str, Any]]:
    # What a call takes beyond its multiply is its share of the selection: all of it where it is fresh, a part where it is kept.
    multiply = [min(row["multiply"], row["latency"]) for row in rows]
    select = [row["latency"] - part for row, part in zip(rows, multiply, strict=True)]
    bars = {"type": "bar", "orientation": "h", "y": [row["kernel"] for row in rows]}
    colour = [palette[row["kernel"]] for row in rows]
    total = [f"{row['latency']:.3g} ms" for row in rows]
    return [
        bars | {"x": multiply, "marker": {"color": colour}, "hovertemplate": "multiply %{x:.3g} ms<extra>%{y}</extra>"},
        bars
        | {
            "x": select,
            "marker": {"color": colour, "opacity": 0.4},
            "text": total,
            "textposition": "outside",
            "cliponaxis": False,
            "hovertemplate": "select %{x:.3g} ms<extra>%{y}</extra>",
        },
    ]


FIGURE = Figure(
    name="select_multiply",
    title="Selecting and multiplying",
    caption=(
        "Solid: multiplying. Pale: selecting the column-row pairs and building the smaller matrix, as often as a call of this "
        "kernel pays for it. The first bar is the fastest exact kernel, the others follow from fast to slow."
    ),
    draw=draw,
    order=3,
)
