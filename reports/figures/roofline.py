"""Arithmetic against intensity under the ceilings of a copy and of gathering: how far a multiply is from what the device allows."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from html import escape
from typing import Any

from rsc_bench.harness.metrics.traffic import ITEM_BYTES
from rsc_bench.harness.records.ceilings import Ceilings
from rsc_bench.reports.drawing.panels import Panel, assemble, where
from rsc_bench.reports.drawing.theme import colours
from rsc_bench.reports.figures import Figure
from rsc_bench.reports.tables.rows import Row, by, operations, present
from rsc_bench.reports.tables.table import Table

CEILING = "#8b96a1"
TICKS = [digit * 10.0**power for power in range(-3, 7) for digit in (1, 2, 5)]
AXIS = {"type": "log", "tickvals": TICKS, "ticktext": [f"{tick:,g}" for tick in TICKS]}
# Beyond the points, so that a ceiling is seen to go on.
MARGIN = 1.6
# Sizes of an operand that is surely gathered from the cache, and of one that surely is not.
NO_BYTES, ENDLESS_BYTES = 0, sys.maxsize


def draw(table: Table) -> Any:
    """Return the figure, or None where no product has its bytes recorded."""
    palette = colours(table.kernels)
    ceilings = {escape(source.name, quote=False): source.ceilings for source in table.sources}
    drawn = [_placed(row) for row in table.products if present(row, "arithmetic", "bandwidth", "gather rate")]
    panels = [
        Panel(where(key), [*_roofs(rows, _of_device(ceilings[rows[0]["file"]], rows[0]["device"])), *_kernels(rows, palette)])
        for key, rows in operations(drawn)
    ]
    layout = {
        "height": 520,
        "xaxis": {"title": {"text": "FLOP per compulsory byte"}} | AXIS,
        "yaxis": {"title": {"text": "GFLOP/s (better\u2009→)"}} | AXIS,
    }
    return assemble(panels, layout)


def _placed(row: Row) -> Row:
    # Both rates are over the same seconds, which cancel.
    return row | {"intensity": row["arithmetic"] / row["bandwidth"]}


def _of_device(ceilings: Ceilings | None, device: str) -> Ceilings:
    if ceilings is None:
        return Ceilings(device=device, missing="the file is older than they are")
    if ceilings.device != device:
        return Ceilings(device=device, missing=f"they are those of {ceilings.device}")
    return ceilings


def _kernels(rows: Sequence[Row], palette: dict[str, str]) -> list[dict[str, Any]]:
    return [_kernel(kernel, sorted(found, key=_budget), palette[kernel]) for (kernel,), found in by(rows, ["kernel"]).items()]


def _budget(row: Row) -> float:
    return float(row["budget"]) if present(row, "budget") else 1.0


def _kernel(kernel: str, rows: Sequence[Row], colour: str) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines+markers" if len(rows) > 1 else "markers",
        "name": kernel,
        "x": [row["intensity"] for row in rows],
        "y": [row["arithmetic"] for row in rows],
        "text": [_words(row) for row in rows],
        "hovertemplate": "%{y:.3g} GFLOP/s at %{x:.3g} FLOP per byte%{text}<extra>%{fullData.name}</extra>",
        "line": {"color": colour, "width": 1.5},
        "marker": {"color": colour, "size": 11, "symbol": "diamond" if present(rows[0], "budget") else "circle"},
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
        "line": {"color": CEILING, "width": 2, "dash": dash},
    }


FIGURE = Figure(
    name="roofline",
    title="Roofline",
    caption=(
        "The multiply alone of each kernel (diamonds: sampled, one a budget), counting the FLOPs that it really does. The rising "
        "line is a kernel that moves the matrix, the operand and the result once each, as fast as this device copies; the flat "
        "ones fetch a row of the operand for each non-zero, from the cache or from memory. Above a flat line rows are reused."
    ),
    draw=draw,
    order=5,
)
