"""Turns the table into the numbers that stand first on the page: what sampling gains on each graph, and against what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rsc_bench.reports.tables.rows import MEMORY_SETTING, OPERATION, PRECISION, Row, absent, by, float32_first, is_exact, present
from rsc_bench.reports.tables.table import TORCH_SPARSE, VENDOR, VS_FLOAT32, Table

# What products share that differ in the memory of their results at most.
_APART = tuple(name for name in OPERATION if name != MEMORY_SETTING)
AT_MOST_BUDGETS = 4
LEAD_BUDGET = 0.1

# A selection that drops the wrong pairs is as fast as a good one: only kernels about as close as the closest compete.
ERROR_SLACK = 1.05

UNSTEADY = 2.0
"""Highest over lowest speedup of a case's rounds from which the page warns: undisturbed rounds lie within a third."""
UNKNOWN = 3.0
"""The same from which their median is a matter of luck, and the page shows no number."""


@dataclass(frozen=True)
class Best:
    """The fastest cached, or the fastest fresh, sampled kernel of one graph at one budget."""

    kernel: str
    cached: bool
    budget: float
    speedup: float
    """Against the fastest exact kernel."""
    low: float
    """Lowest speedup of any round."""
    high: float
    """Highest speedup of any round."""
    against: str
    """The fastest exact kernel, or kernels where the rounds differ."""
    float32: float | None
    """Speedup against the fastest exact kernel of float32; None of one that is of float32 itself, and where none was measured."""
    float32_range: tuple[float, float] | None
    """Lowest and highest of it in any round."""
    float32_name: str | None
    vendor: float | None
    """Speedup against the vendor's library."""
    vendor_name: str | None
    torch_sparse: float | None
    """Speedup against torch-sparse."""
    error: float
    rounds: int

    @property
    def unsteady(self) -> bool:
        """Whether the rounds disagree so much that something else than the kernels was measured."""
        return self.high > UNSTEADY * self.low

    @property
    def unknown(self) -> bool:
        """Whether the rounds disagree so much that their median says nothing, not even which of the two is faster."""
        return self.high > UNKNOWN * self.low or (self.unsteady and self.low < 1 < self.high)

    def in_float32(self) -> Best | None:
        """Return it with its speedup against the fastest exact kernel of float32, not of its class; None without one."""
        if self.float32 is None or self.float32_range is None or self.float32_name is None:
            return None
        low, high = self.float32_range
        return replace(self, speedup=self.float32, low=low, high=high, against=self.float32_name)


@dataclass(frozen=True)
class Headline:
    """What sampling gains on one graph, at the largest width that was measured."""

    file: str
    graph: str
    width: int
    setting: str
    """Number type, device, timing mode and aggregation."""
    memory: str | None
    """``fresh memory`` or ``kept memory``, which all of its numbers were measured with; None where nobody asks."""
    best: tuple[Best, ...]
    """In ascending budget, cached before fresh."""
    one_exact: bool
    """Whether its class has one exact kernel, which may be a slow one: a speedup against it alone says little."""
    other_class: bool
    """Whether its kernels are of another class than float32."""
    kept: str = ""
    """What the fastest exact kernel takes with kept memory beside fresh; with that, and where both were measured."""

    @property
    def narrow(self) -> bool:
        """Whether any of its kernels is of another class than float32, and has a speedup against that."""
        return any(best.float32 is not None for best in self.best)

    @property
    def vendor(self) -> str:
        """Name of the vendor's kernel, empty where none was measured."""
        return ", ".join(sorted({best.vendor_name for best in self.best if best.vendor_name}))

    @property
    def lead(self) -> Best:
        """The one that is printed large: the fastest at the budget nearest to a tenth, cached or fresh, of those about as close."""
        nearest = min(abs(best.budget - LEAD_BUDGET) for best in self.best)
        there = [best for best in self.best if abs(best.budget - LEAD_BUDGET) == nearest]
        closest = min(best.error for best in there)
        competing = [best for best in there if best.error <= closest * ERROR_SLACK]
        # Of two numbers the one that is known: luck makes the larger ones.
        return min(competing, key=lambda best: (best.unknown, -best.speedup))

    @property
    def large(self) -> Best:
        """The lead with the speedup to print large: against float32 where its class has one exact kernel, if that is known."""
        return (self.lead.in_float32() if self.one_exact else None) or self.lead


def headlines(table: Table) -> list[Headline]:
    """Return a headline for each graph and setting in which a sampled kernel has a speedup."""
    sampled = [row for row in table.products if present(row, "base", "budget", "speedup", "error")]
    settings = [name for name in OPERATION if name != "width"]
    exact = by((row for row in table.products if is_exact(row) and present(row, "latency")), _APART)
    found = by(sampled, settings).values()
    return [
        _headline(rows, exact)
        for rows in sorted(found, key=lambda rows: (rows[0]["file"], rows[0]["graph"], float32_first(rows[0])))
    ]


def _headline(rows: Sequence[Row], exact: Mapping[tuple[Any, ...], Sequence[Row]]) -> Headline:
    width = max(row["width"] for row in rows)
    rows = [row for row in rows if row["width"] == width]
    first = rows[0]
    best = [_best(found) for found in by(_few_budgets(rows), ["budget", "fresh"]).values()]
    computes = [] if absent(first[PRECISION]) or first[PRECISION] == first["dtype"] else [f"computes in {first[PRECISION]}"]
    setting = " · ".join(
        [first["dtype"], *computes, first["device"], f"timing mode {first['clock']}", f"{first['reduce']} aggregation"]
    )
    of_operation = exact.get(tuple(first[name] for name in _APART), ())
    kept = _kept(of_operation) if absent(first["freed_memory"]) else ""
    memory = first[MEMORY_SETTING]
    names = {row["kernel"] for row in of_operation if row[MEMORY_SETTING] == memory}
    return Headline(
        first["file"], first["graph"], int(width), setting, memory, tuple(best), len(names) == 1, any(float32_first(first)), kept
    )


def _kept(exact: Sequence[Row]) -> str:
    """What kept memory is worth to the exact kernels of an operation, by the fastest with each; empty unless both were measured."""
    found = {name: min(rows, key=_latency) for (name,), rows in by(exact, [MEMORY_SETTING]).items()}
    if len(found) < 2:
        return ""
    times = (f"{row['latency']:.3g} ms with {name} ({row['kernel']})" for name, row in found.items())
    return f"The fastest exact kernel takes {' and '.join(times)}."


def _latency(row: Row) -> float:
    return float(row["latency"])


def _few_budgets(rows: Sequence[Row]) -> list[Row]:
    budgets = sorted({row["budget"] for row in rows})
    last = len(budgets) - 1
    chosen = {budgets[round(place * last / (AT_MOST_BUDGETS - 1))] for place in range(AT_MOST_BUDGETS)}
    chosen.add(min(budgets, key=lambda budget: abs(budget - LEAD_BUDGET)))
    return [row | {"fresh": not row["cached"]} for row in rows if row["budget"] in chosen]


def _best(rows: Sequence[Row]) -> Best:
    closest = min(row["error"] for row in rows)
    row = max((row for row in rows if row["error"] <= closest * ERROR_SLACK), key=lambda row: row["speedup"])
    return Best(
        kernel=row["kernel"],
        cached=row["cached"],
        budget=row["budget"],
        speedup=row["speedup"],
        low=row["speedup low"],
        high=row["speedup high"],
        against=row["speedup against"],
        float32=_number(row, VS_FLOAT32),
        float32_range=_range(row),
        float32_name=row[f"{VS_FLOAT32} against"] if _number(row, VS_FLOAT32) is not None else None,
        vendor=_number(row, VENDOR),
        vendor_name=row[f"{VENDOR} against"] if _number(row, VENDOR) is not None else None,
        torch_sparse=_number(row, TORCH_SPARSE),
        error=row["error"],
        rounds=int(row["rounds"]),
    )


def _range(row: Row) -> tuple[float, float] | None:
    low, high = (_number(row, f"{VS_FLOAT32} {end}") for end in ("low", "high"))
    return None if low is None or high is None else (low, high)


def _number(row: Row, name: str) -> float | None:
    return float(row[name]) if name in row and present(row, name) else None
