"""Turns the cases without a measurement into groups of one cause and status: nothing vanishes, nothing is repeated."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from rsc_bench.harness.records.case import GROWTH, SDDMM
from rsc_bench.reports.tables.rows import absent
from rsc_bench.reports.tables.table import Table

# What needs action comes first.
_GRAVITY = {"wrong": 0, "failed": 1, "skipped": 2}
_ROUND = " · round "
_NUMBER = re.compile(r"\d[\d.,e+-]*")


@dataclass(frozen=True)
class Part:
    """Cases of one kernel that have no measurement for the same reason."""

    kernel: str
    reason: str
    cases: tuple[str, ...]
    """Each case in words, without its kernel."""


@dataclass(frozen=True)
class Unmeasured:
    """Cases of one kernel, and of what selects before it, that have no measurement for reasons that differ in numbers at most."""

    status: str
    kernel: str
    """The exact kernel where that is itself among them, for then the others have its trouble."""
    parts: tuple[Part, ...]
    """The kernel's own first."""

    @property
    def others(self) -> str:
        """The other kernels, which multiply with this one."""
        return ", ".join(dict.fromkeys(part.kernel for part in self.parts if part.kernel != self.kernel))

    @property
    def reason(self) -> str:
        """The first reason; the parts have all."""
        return self.parts[0].reason

    @property
    def count(self) -> int:
        """How many cases; one that was so in several rounds, each time with other numbers, is one."""
        return len({(part.kernel, words.rpartition(_ROUND)[0]) for part in self.parts for words in part.cases})


@dataclass(frozen=True)
class Lost:
    """How many of all cases have no number because they are wrong or failed."""

    cases: int
    """Of the files, whatever became of them, but for those that were skipped."""
    wrong: int
    failed: int

    @property
    def words(self) -> str:
        """Return them in words: 15 of 21 cases have no number: 6 wrong, 9 failed."""
        count = self.wrong + self.failed
        parts = [f"{number} {status}" for status, number in (("wrong", self.wrong), ("failed", self.failed)) if number]
        return f"{count} of {self.cases} cases {'has' if count == 1 else 'have'} no number: {', '.join(parts)}"


def lost(table: Table) -> Lost | None:
    """Return how many cases were wrong or failed and have no number in the table; None where none was."""
    names = [name for name in table.unmeasured.columns if name not in ("status", "reason", "rounds")]
    worst: dict[tuple[Any, ...], str] = {}
    for key, status in zip(_keys(table.unmeasured, names), table.unmeasured["status"], strict=True):
        worst[key] = min(status, worst.get(key, status), key=lambda each: _GRAVITY[each])
    measured = {key for key in _keys(table.cases, names) if key in worst} if worst else set()
    counted = Counter(status for key, status in worst.items() if key not in measured)
    cases = len(table.cases) + counted["wrong"] + counted["failed"]
    return Lost(cases, counted["wrong"], counted["failed"]) if counted["wrong"] or counted["failed"] else None


def _keys(frame: Any, names: list[str]) -> Iterator[tuple[Any, ...]]:
    # NaN, which is how pandas keeps what is absent, is not equal to itself.
    columns = [[None if absent(value) else value for value in frame[name].tolist()] for name in names]
    return zip(*columns, strict=True)


def unmeasured(table: Table) -> list[Unmeasured]:
    """Return every case that is not ok, in groups: wrong first, then failed, then skipped."""
    parts: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    bases: dict[str, str] = {}
    for row in table.unmeasured.to_dict("records"):
        parts[row["status"], row["kernel"], row["reason"]].append(_words(row, several=len(table.sources) > 1))
        bases[row["kernel"]] = row["kernel"] if absent(row["base"]) else row["base"]
    causes = {(status, kernel, _gist(reason)) for status, kernel, reason in parts}
    groups: dict[tuple[str, str, str], list[Part]] = defaultdict(list)
    for (status, kernel, reason), cases in parts.items():
        of_base = status, bases[kernel], _gist(reason)
        groups[of_base if of_base in causes else (status, kernel, _gist(reason))].append(Part(kernel, reason, tuple(cases)))
    ordered = sorted(groups, key=lambda cause: (_GRAVITY[cause[0]], *cause))
    return [Unmeasured(status, kernel, _ordered(kernel, groups[status, kernel, gist])) for status, kernel, gist in ordered]


def _ordered(kernel: str, parts: Iterable[Part]) -> tuple[Part, ...]:
    return tuple(sorted(parts, key=lambda part: (part.kernel != kernel, part.kernel, part.reason)))


@cache
def _gist(reason: str) -> str:
    """What a reason has in common with that of another case: all before what the case got, without its numbers."""
    return _NUMBER.sub("#", reason.partition("(got ")[0])


def _words(row: dict[str, Any], several: bool) -> str:
    named = {
        name: row[name]
        for name in ("model", "variant", "freed_memory", "budget", "layers", "epochs", "seed")
        if not absent(row[name])
    }
    # A column with absent numbers has floats, also of what is counted.
    beyond = [f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}" for name, value in named.items()]
    aggregation = [] if row["reduce"] == "sum" else [row["reduce"]]
    aggregation += [row["suite"]] if row["suite"] in (GROWTH, SDDMM) else []
    words = [row["graph"], f"d = {row['width']}", *beyond, *aggregation, row["dtype"], row["device"], row["clock"]]
    return " · ".join([*([row["file"]] if several else []), *words]) + f"{_ROUND}{row['rounds']}"
