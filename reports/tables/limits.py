"""Says of a product how near it came to each limit of its device, and how long it would take at one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from rsc_bench.harness.metrics.traffic import ITEM_BYTES
from rsc_bench.harness.records.ceilings import Ceilings
from rsc_bench.reports.tables.rows import Row, present

GATHER, COMPULSORY = "gather", "compulsory"
LIMITS = {GATHER: "share of gather", COMPULSORY: "share of copy"}
"""The two limits of a multiply, no row of the dense operand reused and every byte moved once, and the column of each."""
PASSED = 110.0
"""Percent from which on a limit is passed, and no longer the nearest: at one that is measured, too, a little more is noise."""


@dataclass(frozen=True)
class Reached:
    """How near the multiply of a product came to the limits, in percent of their rates.

    Rows that are reused pass the gather's, operands that a cache holds pass that of moving all of them once.
    """

    percent: dict[str, float]
    """By limit; those that are known, at least one."""

    @property
    def nearest(self) -> str:
        """The limit that comes next: of those that are not passed, the one that is reached most."""
        ahead = [limit for limit, percent in self.percent.items() if percent <= PASSED]
        if ahead:
            return max(ahead, key=lambda limit: self.percent[limit])
        return min(self.percent, key=lambda limit: self.percent[limit])

    def __str__(self) -> str:
        passed = [limit for limit, percent in self.percent.items() if percent > PASSED]
        if len(passed) == len(LIMITS):
            return f"beyond both limits (gather {self._of(GATHER)}, compulsory {self._of(COMPULSORY)})"
        if self.nearest in passed:
            return f"beyond the {self.nearest} limit ({self._of(self.nearest)})"
        beyond = "".join(f" and beyond the {limit} limit ({self._of(limit)})" for limit in passed)
        return f"{self._of(self.nearest)} of the {self.nearest} limit{beyond}"

    def _of(self, limit: str) -> str:
        percent = self.percent[limit]
        return f"{percent:.0f} %" if percent >= 10 else f"{percent:.2g} %"


def reached(row: Row) -> Reached | None:
    """Return how near a product came to the limits; None where neither is known."""
    found = {limit: float(row[column]) for limit, column in LIMITS.items() if present(row, column)}
    return Reached(found) if found else None


def doubts(ceilings: Ceilings, rows: Iterable[Row]) -> list[str]:
    """Return a sentence for each reason to take the measured ceilings for too low; those of a device without any have none."""
    if not ceilings.probes:
        return []
    return [*_disturbed(ceilings), *_surpassed(rows)]


def _disturbed(ceilings: Ceilings) -> Iterator[str]:
    if ceilings.disturbed:
        at_work = f"Other programs took {100 * (ceilings.busy_share or 0):.0f} % of all cores when the ceilings were measured"
        yield f"{at_work}: they may be too low, and the shares of them too high."


def _surpassed(rows: Iterable[Row]) -> Iterator[str]:
    column = LIMITS[GATHER]
    found: dict[str, float] = {}
    for row in rows:
        if present(row, column) and row[column] > PASSED:
            found[row["kernel"]] = max(float(row[column]), found.get(row["kernel"], 0.0))
    if found:
        first = max(found, key=lambda kernel: found[kernel])
        others = len(found) - 1
        more = f" and {others} more kernel{'s' * (others > 1)} passed it" if others else ""
        why = "rows were found in a cache again, or the ceiling is too low"
        yield f"{first} came to {found[first]:,.0f} % of the gather ceiling{more}: {why}."


def limit_ms(row: Row, limit: str) -> float | None:
    """Return the milliseconds that the bytes of a product take at a limit; None where that is not known."""
    return float(row["multiply"] * row[LIMITS[limit]] / 100) if present(row, "multiply", LIMITS[limit]) else None


def operand_bytes(row: Row) -> int | None:
    """Return the size of the dense operand, all of its rows; None where it is not known."""
    item_bytes = ITEM_BYTES.get(row["dtype"])
    return int(row["pairs"]) * int(row["width"]) * item_bytes if item_bytes and present(row, "pairs") else None
