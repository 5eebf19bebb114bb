"""Arithmetic against intensity under the ceilings of a copy and of gathering: how far a multiply is from what the device allows."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from html import escape
from typing import Any

from rsc_bench.harness.metrics.traffic import ITEM_BYTES
from rsc_bench.harness.records.ceilings import Ceilings
from rsc_bench.reports.drawing.panels import Panel, assemble, where
from rsc_bench.reports.drawing.theme import DECADES, EXACT_GREY, colours
from rsc_bench.reports.figures import Figure
from rsc_bench.reports.tables.limits import doubts
from rsc_bench.reports.tables.rows import Row, by, operations, present
from rsc_bench.reports.tables.table import Table

# A selection has one colour whichever exact kernel it stands before: what tells these apart is the shape.
SHAPES = (
    ("diamond", "solid"),
    ("square", "dash"),
    ("triangle-up", "dot"),
    ("star", "dashdot"),
    ("cross", "longdash"),
    ("x", "solid"),
)
# Beyond the points, so that a ceiling is seen to go on.
MARGIN = 1.6
# Sizes of an operand that is surely gathered from the cache, and of one that surely is not.
NO_BYTES, ENDLESS_BYTES = 0, sys.maxsize


def draw(table: Table) -> Any:
    """Return the figure, or None where no product has its bytes recorded."""
    palette = colours(table.kernels)
    bases = sorted({row["base"] for row in table.products if present(row, "base")})
    shapes = {base: SHAPES[place % len(SHAPES)] for place, base in enumerate(bases)}
    sources = {escape(source.name, quote=False): source for source in table.sources}
    drawn = [_placed(row) for row in table.products if present(row, "arithmetic", "bandwidth", "gather rate")]
    panels = []
    for key, rows in operations(drawn):
        ceilings = sources[rows[0]["file"]].reached(rows[0]["device"])
        traces = [*_roofs(rows, ceilings), *_kernels(rows, palette, shapes)]
        panels.append(Panel(where(key), traces, note="\n".join(doubts(ceilings, rows))))
    layout = {
        "height": 520,
        "xaxis": {"title": {"text": "FLOP per compulsory byte"}} | DECADES,
        "yaxis": {"title": {"text": "GFLOP/s (better\u2009→)"}} | DECADES,
    }
    return assemble(panels, layout)


def _placed(row: Row) -> Row:
    # Both rates are over the same seconds, which cancel.
    return row | {"intensity": row["arithmetic"] / row["bandwidth"]}


def _kernels(rows: Sequence[Row], palette: dict[str, str], shapes: dict[str, tuple[str, str]]) -> list[dict[str, Any]]:
    kernels = by(rows, ["kernel"]).items()
    shape_of = {kernel: shapes.get(found[0]["base"], ("circle", "solid")) for (kernel,), found in kernels}
    return [_kernel(kernel, sorted(found, key=_budget), palette[kernel], *shape_of[kernel]) for (kernel,), found in kernels]


def _budget(row: Row) -> float:
    return float(row["budget"]) if present(row, "budget") else 1.0


def _kernel(kernel: str, rows: Sequence[Row], colour: str, symbol: str, dash: str) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines+markers" if len(rows) > 1 else "markers",
        "name": kernel,
        "x": [row["intensity"] for row in rows],
        "y": [row["arithmetic"] for row in rows],
        "text": [_words(row) for row in rows],
        "hovertemplate": "%{y:.3g} GFLOP/s at %{x:.3g} FLOP per byte%{text}<extra>%{fullData.name}</extra>",
        "line": {"color": colour, "width": 1.5, "dash": dash},
        "marker": {"color": colour, "size": 11, "symbol": symbol},
    }


def _words(row: Row) -> str:
    budget = [f"C = {row['budget']:g}"] if present(row, "budget") else []
    shares = [f"{row[f'share of {name}']:.0f} % of a {name}" for name in ("copy", "gather") if present(row, f"share of {name}")]
    return "".join(f", {each}" for each in (*budget, *shares))


def _roofs(rows: Sequence[Row], ceilings: Ceilings) -> list[dict[str, Any]]:
    """The ceilings as lines: a copy's rises with the intensity, a gather's is flat, since each row gathered is multiplied once."""
    ends = [min(row["intensity"] for row in rows) / MARGIN, max(row["intensity"] for row in rows) * MARGIN]
    item_bytes = ITEM_BYTES[rows[0]["dtype"]]
    row_bytes = rows[0]["width"] * item_bytes
    copy, cache, memory = ceilings.copy(), ceilings.gather(row_bytes, NO_BYTES), ceilings.gather(row_bytes, ENDLESS_BYTES)
    lines = [] if copy is None else [_roof("copy", copy, ends, [copy * end for end in ends], "solid")]
    for name, rate, dash in (("gather from cache", cache, "dash"), ("gather from memory", memory, "dot")):
        lines += [] if rate is None else [_roof(name, rate, ends, [rate * 2 / item_bytes] * 2, dash)]
    return lines or [_roof(f"no ceilings: {escape(ceilings.missing or 'not measured')}", None, [None], [None], "solid")]


def _roof(name: str, rate: float | None, x: list[Any], flops: list[Any], dash: str) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name if rate is None else f"{name}: {rate / 1e9:,.4g} GB/s",
        "x": x,
        "y": [None if each is None else each / 1e9 for each in flops],
        "hoverinfo": "skip",
        "line": {"color": EXACT_GREY, "width": 2, "dash": dash},
    }


FIGURE = Figure(
    name="roofline",
    title="Roofline",
    caption=(
        "The multiply alone of each kernel, counting the FLOPs that it really does. Circles are exact kernels, each other shape "
        "is one exact kernel behind its selections, one marker a budget. The rising line is a kernel that moves the matrix, the "
        "operand and the result once each, as fast as this device copies; the flat ones fetch a row of the operand for each "
        "non-zero, from the cache or from memory. Above a flat line rows are reused."
    ),
    draw=draw,
    order=5,
)
