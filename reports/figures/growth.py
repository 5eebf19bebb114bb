"""Time of a call over the non-zeros and over the width, under the limits of gathering and of moving everything once."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from itertools import product
from typing import Any

from rsc_bench.allocator import LARGEST_KEPT_BYTES
from rsc_bench.harness.records.ceilings import Ceilings
from rsc_bench.reports.drawing.panels import Panel, assemble
from rsc_bench.reports.drawing.theme import DECADES, EXACT_GREY, colours
from rsc_bench.reports.figures import Figure
from rsc_bench.reports.tables.growing import Growth, Line, drawings
from rsc_bench.reports.tables.limits import COMPULSORY, GATHER, LIMITS, doubts, limit_ms, reached
from rsc_bench.reports.tables.rows import Row, present
from rsc_bench.reports.tables.sources import Source
from rsc_bench.reports.tables.table import Table

LIMIT_DASHES = {GATHER: "dash", COMPULSORY: "solid"}
# Several budgets of one selection share its colour.
DASHES = ("dash", "dot", "dashdot", "longdash")
HALVES = ([0, 0.46], [0.56, 1])
GREW = {"nnz": "non-zeros", "width": "columns of the dense operand, d"}
NOTHING = "not measured"
KEPT = "kept"
NONE: list[Growth | None] = [None]
# Of both 1 and 3: within a decade there are two at least, and over six they do not touch.
SIZES = [digit * 10**power for power in range(2, 10) for digit in (1, 3)]


@dataclass(frozen=True)
class Machine:
    """What the limits are those of."""

    ceilings: Ceilings
    glibc: bool
    """Whether large results are probably fresh memory in each call: on a CPU under Linux."""

    @classmethod
    def of(cls, source: Source, device: str) -> Machine:
        """Return what a results file says of a device."""
        return cls(source.reached(device), device == "cpu" and dict(source.environment).get("os.name") == "Linux")

    @property
    def cache(self) -> str:
        """The last cache, in words."""
        return f"last cache ({(self.ceilings.cache_bytes or 0) / 1e6:.3g} MB)"


def draw(table: Table) -> Any:
    """Return the figure, or None where the suite ``growth`` was not measured."""
    palette = colours(table.kernels)
    sources = {escape(source.name, quote=False): source for source in table.sources}
    found = drawings(table.growing)
    halves = any(each.sized for each in found), any(each.widened for each in found)
    panels = []
    for each in found:
        machine = Machine.of(sources[each.shared["file"]], each.shared["device"])
        both: product[tuple[Growth | None, Growth | None]] = product(each.sized or NONE, each.widened or NONE)
        panels += [_panel(each.shared, pair, machine, palette) for pair in both]
    widths = sorted({row["width"] for row in table.growing})
    domains = HALVES if all(halves) else ([0, 1], [0, 1])
    title = {"title": {"text": "time of a call [ms] (←\u2009better)"}}
    layout = {
        "height": 560,
        "xaxis": {"type": "log", "domain": domains[0], "tickvals": SIZES, "tickformat": "~s", "visible": halves[0]},
        "xaxis2": {"type": "log", "domain": domains[1], "tickvals": widths, "visible": halves[1], "anchor": "y2"},
        "yaxis": title | DECADES | {"visible": halves[0]},
        "yaxis2": ({} if halves[0] else title) | DECADES | {"anchor": "x2", "visible": halves[1]},
    }
    return assemble(panels, layout)


def _panel(named: dict[str, str], halves: tuple[Growth | None, Growth | None], machine: Machine, palette: dict[str, str]) -> Panel:
    traces: dict[tuple[str, str], dict[str, Any]] = {}
    titles, notes = {}, []
    for axis, growth in zip(("", "2"), halves, strict=True):
        if growth is None:
            continue
        titles[f"xaxis{axis}"] = f"{GREW[growth.over]} ({growth.name})"
        notes.append(_note(growth, machine))
        for trace in (*_limits(growth, machine), *_kernels(growth, palette)):
            shown = {"legendgroup": trace["name"], "showlegend": all(name != trace["name"] for name, _ in traces)}
            traces[trace["name"], axis] = trace | shown | {"xaxis": f"x{axis}", "yaxis": f"y{axis}"}
    notes += doubts(machine.ceilings, [row for growth in halves if growth for row in growth.rows])
    over_nnz, over_width = ("" if each is None else each.name for each in halves)
    where = named | {"over the non-zeros": over_nnz or NOTHING, "over the width": over_width or NOTHING}
    return Panel(where, list(traces.values()), titles=titles, note="\n".join(notes))


def _kernels(growth: Growth, palette: dict[str, str]) -> Iterator[dict[str, Any]]:
    budgets = sorted({row["budget"] for row in growth.rows if present(row, "budget")})
    for line in growth.lines:
        dash = DASHES[budgets.index(line.rows[0]["budget"]) % len(DASHES)] if line.sampled else "solid"
        yield {
            "type": "scatter",
            "mode": "lines+markers",
            "name": line.name,
            "x": [row[growth.over] for row in line.rows],
            "y": [row["latency"] for row in line.rows],
            "text": [_words(row) for row in line.rows],
            "hovertemplate": "%{y:.3g} ms%{text}<extra>%{fullData.name}</extra>",
            "cliponaxis": False,
            "line": {"color": palette[line.kernel], "width": 2, "dash": dash},
            "marker": {"color": palette[line.kernel], "size": 8},
        }


def _words(row: Row) -> str:
    """What stands behind the time of a point: how large it is, where it is under the limits, and what selecting takes of it."""
    found, selecting = reached(row), _selecting(row)
    parts = [f" at {row['nnz']:,} non-zeros, d = {row['width']:,}", row["graph"], str(found or "no limit is known")]
    return "<br>".join([*parts, *([f"selecting: {selecting}"] if selecting else [])])


def _selecting(row: Row) -> str:
    """The share of a call that is not its multiply; empty of an exact kernel, whose call is nothing else."""
    if not present(row, "budget", "multiply"):
        return ""
    return f"{100 * max(0.0, 1 - float(row['multiply'] / row['latency'])):.0f} % of the call"


def _limits(growth: Growth, machine: Machine) -> Iterator[dict[str, Any]]:
    ceilings = machine.ceilings
    line = {"type": "scatter", "mode": "lines", "hoverinfo": "skip"}
    times = [row["latency"] for row in growth.rows]
    for (budget, rows), limit in product(growth.works.items(), LIMITS):
        found = [(row[growth.over], ms) for row in rows if (ms := limit_ms(row, limit)) is not None]
        if found:
            name, width = (f"{limit} limit", 2) if budget is None else (f"{limit} limit, C = {budget:g}", 1)
            style = {"name": name, "line": {"color": EXACT_GREY, "width": width, "dash": LIMIT_DASHES[limit]}}
            yield line | style | {"x": [x for x, _ in found], "y": [ms for _, ms in found]}
            times += [ms for _, ms in found]
    if not ceilings.probes:
        missing = f"no limits: {escape(ceilings.missing or 'not measured', quote=False)}"
        yield line | {"name": missing, "x": [None], "y": [None], "line": {"color": EXACT_GREY}}
    leaves = growth.leaves(ceilings.cache_bytes) if ceilings.cache_bytes else math.inf
    if 0 < leaves < math.inf:
        style = {"name": f"dense operand = {machine.cache}", "line": {"color": EXACT_GREY, "width": 1, "dash": "dot"}}
        yield line | style | {"x": [leaves, leaves], "y": [min(times), max(times)]}


def _note(growth: Growth, machine: Machine) -> str:
    """Where each kernel is at either end, a line each, and from where on operand and result are beyond what is fast."""
    ceilings = machine.ceilings
    over = f"Over the {'non-zeros' if growth.over == 'nnz' else 'width'} of {growth.name}"
    if not ceilings.probes:
        missing = escape(ceilings.missing or "not measured", quote=False)
        return f"{over}: what the device can reach is not known ({missing})."
    return "\n".join([f"{over}: {_beyond(growth, machine)}", *filter(None, (_ends(line, growth) for line in growth.lines))])


def _beyond(growth: Growth, machine: Machine) -> str:
    cache_bytes = machine.ceilings.cache_bytes
    leaves = growth.leaves(cache_bytes) if cache_bytes else math.inf
    if not cache_bytes:
        cache = "the size of the last cache is not known"
    elif math.isnan(leaves):
        cache = "the dense operand does not grow alike, so no size is that of the last cache"
    elif leaves == math.inf:
        cache = f"the dense operand fits the {machine.cache}"
    else:
        cache = f"the dense operand is larger than the {machine.cache} {_from(leaves, growth)}"
    fresh = growth.leaves(LARGEST_KEPT_BYTES)  # the result is as large
    if not machine.glibc or not fresh < math.inf or all(row["freed_memory"] == KEPT for row in growth.rows):
        return f"{cache}."
    beyond = "the result is above 32 MB, which glibc takes as fresh memory in each call: no limit counts that"
    return f"{cache}; {_from(fresh, growth)} {beyond}."


def _from(size: float, growth: Growth) -> str:
    return f"from about {_size(size, growth)} on" if size else "at every size"


def _ends(line: Line, growth: Growth) -> str:
    ends = line.rows[:1] if line.rows[0] is line.rows[-1] else (line.rows[0], line.rows[-1])
    parts = [f"{found} at {_size(row[growth.over], growth)}" for row in ends if (found := reached(row))]
    selecting = _selecting(ends[-1])
    return f"{line.name}: {'; '.join(parts)}{f', where selecting is {selecting}' * bool(selecting)}." if parts else ""


def _size(value: float, growth: Growth) -> str:
    if growth.over == "width":
        return f"d = {value:,.0f}"
    return f"{value / 1e6:.3g} million" if value >= 1e6 else f"{float(f'{value:.3g}'):,.0f}"


FIGURE = Figure(
    name="growth",
    title="How time grows",
    caption=(
        "Time of a call over the non-zeros of graphs that are alike, and over the width on one graph. Dashed lines sample. The "
        "grey lines are the limits of the exact product, the thin ones those of what sampling keeps. Compulsory: operands and "
        "result are moved once, as fast as this device copies. Gather: a row of the dense operand is read for each non-zero, as "
        "fast as it gathers such rows from an operand of that size. A kernel below its gather limit reuses rows, one below its "
        "compulsory limit finds the operands in a cache. Point at a marker for what its multiply alone reached."
    ),
    draw=draw,
    order=6,
)
