"""Turns the path of a sampled kernel over its budgets into plotly traces: one line a kernel, each point labelled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rsc_bench.reports.drawing.panels import Panel, paths
from rsc_bench.reports.drawing.theme import colours
from rsc_bench.reports.tables.rows import Row
from rsc_bench.reports.tables.table import Table

SYMBOLS = ("circle", "diamond", "square", "triangle-up", "cross", "x")


@dataclass(frozen=True)
class Lines:
    """What is drawn of each case."""

    x: str
    """Column."""
    y: str
    """Column."""
    label: str | None
    """Column whose value stands at each marker; None: markers alone."""
    hover: str
    """Plotly hovertemplate."""


def line_panels(table: Table, lines: Lines) -> list[Panel]:
    """Return the panels of a figure with one line a sampled kernel."""
    palette = colours(table.kernels)
    selections = sorted({row["selection"] for row in table.products if row["selection"] is not None})
    made: dict[int, dict[str, Any]] = {}
    panels = []
    for where, found in paths(table.products, (lines.x, lines.y)):
        for line in found:
            if id(line) not in made:
                symbol = SYMBOLS[selections.index(line[0]["selection"]) % len(SYMBOLS)]
                made[id(line)] = _trace(line, lines) | _style(line[0], palette[line[0]["kernel"]], symbol)
        panels.append(Panel(where, [made[id(line)] for line in found]))
    return panels


def _trace(line: Sequence[Row], lines: Lines) -> dict[str, Any]:
    trace: dict[str, Any] = {
        "type": "scatter",
        "mode": "lines+markers" + ("+text" if lines.label else ""),
        "name": line[0]["kernel"],
        "x": [row[lines.x] for row in line],
        "y": [row[lines.y] for row in line],
        "hovertemplate": f"{lines.hover}<extra>%{{fullData.name}}</extra>",
    }
    return trace | ({"text": [f"{row[lines.label]:g}" for row in line]} if lines.label else {})


def _style(row: Row, colour: str, symbol: str) -> dict[str, Any]:
    return {
        "cliponaxis": False,
        # Cached lines lie above the fresh ones and rise to the right: labels on the outer side of each keep clear of both.
        "textposition": "top left" if row["cached"] else "bottom right",
        "textfont": {"size": 11},
        "line": {"color": colour, "width": 2},
        "marker": {"color": colour, "size": 9, "symbol": symbol},
    }
