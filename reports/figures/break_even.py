"""Time until so many results are there, tuning and preparing included, and from which call on that has paid."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from itertools import chain
from typing import Any

from rsc_bench.harness.output.units import shown
from rsc_bench.reports.drawing.panels import Panel, assemble, where
from rsc_bench.reports.drawing.theme import colours
from rsc_bench.reports.figures import Figure
from rsc_bench.reports.tables.frames import why_absent
from rsc_bench.reports.tables.rows import Row, by, is_exact, operations, present
from rsc_bench.reports.tables.table import Table
from rsc_bench.text import NEVER

METRIC = "break-even"
MOST_CALLS = 100_000
# Decades of the axis beyond its first and last call, so that a diamond there is whole.
EDGE = 0.05
# Enough for the bend of a total to look smooth, and few, since a page may have thousands of lines.
CALLS = [digit * 10**power for power in range(5) for digit in (1, 2, 5)] + [MOST_CALLS]
# A selection has one colour whichever exact kernel it stands before: what tells these apart is the dash.
DASHES = ("dash", "dot", "dashdot", "longdash")
UNITS = {"ns": -9, "µs": -6, "ms": -3, "s": 0}
SECONDS = {10.0 ** (power + more): f"{10**more} {unit}" for unit, power in UNITS.items() for more in range(3)}
SECONDS |= {10.0**power: f"{10**power:,} s" for power in range(3, 9)}
LETTERS = 64
"""Of a line below the axis, which is no wider than a narrow screen."""
_NO_BUDGET = "none"


def draw(table: Table) -> Any:
    """Return the figure, or None where no product has two kernels whose time to prepare was recorded."""
    palette = colours(table.kernels)
    bases = sorted({row["base"] for row in table.products if present(row, "base")})
    dashes = {base: DASHES[place % len(DASHES)] for place, base in enumerate(bases)}
    found = [row for row in table.products if present(row, "latency") and (row["cached"] or is_exact(row))]
    panels = [panel for key, rows in operations(found) for panel in _panels(key, rows, palette, dashes)]
    layout = {
        "height": 520,
        "hovermode": "closest",
        "xaxis": {"type": "log", "range": [-EDGE, math.log10(MOST_CALLS) + EDGE], "tickformat": ",d", "dtick": 1},
        "yaxis": {
            "title": {"text": "time to tune, prepare and call (←\u2009better)"},
            "type": "log",
            "tickvals": [*SECONDS],
            "ticktext": [*SECONDS.values()],
        },
    }
    return assemble(panels, layout)


def _panels(operation: tuple[Any, ...], rows: list[Row], palette: dict[str, str], dashes: dict[str, str]) -> list[Panel]:
    rows = sorted(rows, key=lambda row: float(row["latency"]))
    exact = [row for row in rows if is_exact(row)]
    sampled = by((row for row in rows if present(row, "budget")), ["budget"])
    of_budget = {f"{budget:g}": [*exact, *found] for (budget,), found in sampled.items()} or {_NO_BUDGET: exact}
    # Made once: an exact kernel's line, which stands in the panel of each budget, is stored once.
    lines = {
        id(row): _traces(row, palette[row["kernel"]], dashes.get(row["base"], "solid")) for row in rows if present(row, "prepare")
    }
    panels = []
    for budget, found in of_budget.items():
        kept = [lines[id(row)] for row in found if id(row) in lines]
        if len(kept) > 1:
            panels.append(Panel(where(operation) | {"budget": budget}, [*chain(*kept)], titles={"xaxis": _title(found)}))
    return panels


def _total_s(row: Row, calls: float) -> float:
    return (_before_ms(row) + calls * float(row["latency"])) / 1e3


def _before_ms(row: Row) -> float:
    """What is paid before the first call."""
    return float(row["prepare"]) + (float(row["tune"]) if present(row, "tune") else 0.0)


def _traces(row: Row, colour: str, dash: str) -> list[dict[str, Any]]:
    """The line of a kernel, and where it has paid, if that is on the axis."""
    line = {
        "type": "scatter",
        "mode": "lines",
        "name": f"{row['kernel']}: {_verdict(row)}",
        "legendgroup": row["kernel"],
        "x": CALLS,
        "y": [_total_s(row, calls) for calls in CALLS],
        "line": {"color": colour, "width": 2, "dash": dash},
        "hovertemplate": f"%{{x:,.0f}} calls: %{{y:.3s}}s<br>{_parts(row)}<extra>%{{fullData.name}}</extra>",
    }
    at = float(row[METRIC])
    return [line, _mark(row, at, colour)] if 1 <= at <= MOST_CALLS else [line]


def _mark(row: Row, at: float, colour: str) -> dict[str, Any]:
    low, high = max(1.0, row[f"{METRIC} low"]), min(float(MOST_CALLS), row[f"{METRIC} high"])
    return {
        "type": "scatter",
        "mode": "markers",
        "name": row["kernel"],
        "legendgroup": row["kernel"],
        "showlegend": False,
        "x": [at],
        "y": [_total_s(row, at)],
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": [max(0.0, high - at)],
            "arrayminus": [max(0.0, at - low)],
            "thickness": 1,
            "width": 0,
            "color": colour,
        },
        "marker": {"color": colour, "size": 11, "symbol": "diamond"},
        "hovertemplate": f"has paid {_when(at)}{_range(row)}<extra>%{{fullData.name}}</extra>",
    }


def _parts(row: Row) -> str:
    """What a total consists of: medians, with the range over the rounds where it is one."""
    paid = [name for name in ("tune", "prepare") if present(row, name)]
    return ", ".join([*(f"{name} {_over_rounds(row, name)}" for name in paid), f"each call {_over_rounds(row, 'latency')}"])


def _over_rounds(row: Row, metric: str) -> str:
    low, middle, high = shown([row[f"{metric} low"], row[metric], row[f"{metric} high"]], "ms")
    return middle if low == high else f"{middle} ({low} to {high})"


def _calls(number: float) -> str:
    return NEVER if number == math.inf else f"{math.ceil(number):,}"


def _range(row: Row) -> str:
    low, high = (_calls(row[f"{METRIC} {end}"]) for end in ("low", "high"))
    return "" if low == high else f" ({low} to {high} over the rounds)"


def _verdict(row: Row) -> str:
    """When a kernel has paid, in as few words as a legend has room for."""
    if not present(row, METRIC):
        return "not known"
    # Where rounds had different ones, that of most of them stands first.
    reference, _, _ = str(row[f"{METRIC} against"]).partition(", ")
    return "the reference" if row[METRIC] == 0 and reference == row["kernel"] else _when(row[METRIC])


def _when(calls: float) -> str:
    if calls in (0, math.inf):
        return NEVER if calls else "at once"
    return f"after {_calls(calls)} {'call' if calls <= 1 else 'calls'}"


def _title(rows: Sequence[Row]) -> str:
    """The axis, and below it when the fastest exact kernel and the fastest sampled one have paid; what is not drawn, and why.

    The rows come from fast to slow.
    """
    sampled, exact = ([row for row in rows if is_exact(row) == wanted] for wanted in (False, True))
    fastest = [found[0] for found in (exact, sampled) if found]
    left_out = [f"{row['kernel']} is not drawn: {_why(row)}" for row in rows if not present(row, "prepare")]
    lines = (textwrap.wrap(each, LETTERS, break_long_words=False) for each in (*map(_sentence, fastest), *left_out))
    return "<br>".join(["calls", *chain(*lines)])


def _sentence(row: Row) -> str:
    kernel, paid = row["kernel"], "tuning and preparing" if present(row, "tune") else "preparing"
    if not present(row, METRIC):
        return f"when {kernel} has paid for its {paid} is not known: {_why(row)}"
    others = [name for name in str(row[f"{METRIC} against"]).split(", ") if name != kernel]
    if not others:
        return f"{kernel} is the fastest exact kernel from the first call on"
    when = _when(row[METRIC])
    has = f"never pays for its {paid}" if when == NEVER else f"has paid for its {paid} {when}"
    return f"{kernel} {has} against {' or '.join(others)}{_range(row)}"


def _why(row: Row) -> str:
    return str(row[why_absent(METRIC)])


FIGURE = Figure(
    name="break_even",
    title="When preparing has paid",
    caption=(
        "Each line is one exact kernel, or a sampled one that keeps its selection; to the left preparing counts, to the right the "
        "calls alone. A diamond is the break-even point: from there on the kernel is no slower than the reference, the exact "
        "kernel that has its first result soonest. It is the median over the rounds, the bar goes from the lowest to the highest."
    ),
    draw=draw,
    order=5,
)
