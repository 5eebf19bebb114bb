"""Sorts the products of the suite ``growth`` into lines: a family of graphs over its non-zeros, a graph over its widths."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

from rsc_bench.reports.tables.limits import operand_bytes
from rsc_bench.reports.tables.rows import MEMORY_SETTING, OPERATION, Row, by, present

Over = Literal["nnz", "width"]
SHARED = tuple(name for name in OPERATION if name not in {"graph", "width", MEMORY_SETTING})
"""What the products of one drawing have in common; kept memory is told apart by the names of its lines."""
NAMED = "the named graphs"
"""The family of graphs that are no share of another."""


@dataclass(frozen=True)
class Line:
    """One kernel, at one budget, over what grows."""

    name: str
    kernel: str
    rows: tuple[Row, ...]
    """In ascending order."""

    @property
    def sampled(self) -> bool:
        """Whether it multiplies a part of the pairs."""
        return present(self.rows[0], "budget")


@dataclass(frozen=True)
class Growth:
    """Products that are alike but for one thing, which grows."""

    name: str
    """What does not grow: ``twin:ogbn-products, d = 256``."""
    over: Over
    rows: tuple[Row, ...]
    """In ascending order."""

    @property
    def grows(self) -> bool:
        """Whether there is more than one size."""
        return len({row[self.over] for row in self.rows}) > 1

    @property
    def lines(self) -> list[Line]:
        """The exact kernels, then those that sample; of what else may differ, as kept memory, each is a line of its own."""
        found: dict[str, list[Row]] = {}
        for row in self.rows:
            found.setdefault(_line_name(row), []).append(row)
        lines = [Line(name, rows[0]["kernel"], tuple(rows)) for name, rows in found.items()]
        return sorted(lines, key=lambda line: (line.sampled, line.name))

    @property
    def works(self) -> dict[float | None, list[Row]]:
        """One product of each size, whichever kernel it is of, by its budget, None of exact ones: all do the same work."""
        found: dict[float | None, dict[Any, Row]] = {}
        for row in self.rows:
            found.setdefault(row["budget"] if present(row, "budget") else None, {}).setdefault(row[self.over], row)
        return {budget: list(found[budget].values()) for budget in sorted(found, key=lambda each: each or 2.0, reverse=True)}

    def leaves(self, cache_bytes: int) -> float:
        """Return the size from which on the dense operand is larger than a cache: 0 where it always is, infinite where never.

        Between two sizes it is read off the line through both, in logarithms. NaN where the operand does not grow with the size, as
        of named graphs, or is not known.
        """
        sizes = sorted({row[self.over]: found for row in self.rows if (found := operand_bytes(row))}.items())
        if not sizes or any(small > large for (_, small), (_, large) in pairwise(sizes)):
            return math.nan
        if sizes[-1][1] <= cache_bytes:
            return math.inf
        for (low, small), (high, large) in pairwise(sizes):
            if small <= cache_bytes < large:
                return float(low * (high / low) ** (math.log(cache_bytes / small) / math.log(large / small)))
        return 0.0


@dataclass(frozen=True)
class Drawing:
    """What was measured of one device and number type."""

    shared: dict[str, str]
    """What all its products have in common."""
    sized: list[Growth]
    """Over the non-zeros, the largest width first; where nothing grows, each product for itself."""
    widened: list[Growth]
    """Over the width, the graph of most widths first."""


def drawings(rows: Iterable[Row]) -> list[Drawing]:
    """Return what can be drawn of products."""
    found = []
    for key, of in by([row for row in rows if present(row, "latency")], SHARED).items():
        shared = {name: str(value) for name, value in zip(SHARED, key, strict=True)}
        every, widened = _growths(of, "nnz"), [each for each in _growths(of, "width") if each.grows]
        sized = [each for each in every if each.grows]
        found.append(Drawing(shared, sized if sized or widened else every, widened))
    return found


def _growths(rows: Sequence[Row], over: Over) -> list[Growth]:
    family = _families(rows)
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault((family[row["graph"]], row["width"]) if over == "nnz" else (row["graph"],), []).append(row)
    ordered = [(key, tuple(sorted(found, key=lambda row: row[over]))) for key, found in groups.items()]
    if over == "nnz":
        return [Growth(f"{of}, d = {width:,}", over, found) for (of, width), found in sorted(ordered, key=_largest_first)]
    ordered.sort(key=lambda entry: (-len({row["width"] for row in entry[1]}), -entry[1][-1]["nnz"]))
    return [Growth(graph, over, found) for (graph,), found in ordered]


def _largest_first(entry: tuple[tuple[Any, ...], tuple[Row, ...]]) -> tuple[Any, ...]:
    (family, width), rows = entry
    return -len({row["nnz"] for row in rows}), family, -width


def _families(rows: Iterable[Row]) -> dict[str, str]:
    """The family of each graph: what stands before its share, in the order that its nodes were put in."""
    graphs = {row["graph"]: f" ({row['reorder']})" if present(row, "reorder") else "" for row in rows}
    bases = {graph: graph.removesuffix(order).partition("@")[0] + order for graph, order in graphs.items()}
    shared = {bases[graph] for graph in graphs if "@" in graph}
    return {graph: base if base in shared else NAMED for graph, base in bases.items()}


def _line_name(row: Row) -> str:
    budget = [f"C = {row['budget']:g}"] if present(row, "budget") else []
    memory = [f"{row['freed_memory']} memory"] if present(row, "freed_memory") else []
    return ", ".join([row["kernel"], *budget, *memory])
