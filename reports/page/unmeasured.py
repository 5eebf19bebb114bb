"""Turns the cases without a measurement into groups of one kernel, status and reason: nothing vanishes, nothing is repeated."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from rsc_bench.reports.tables.rows import absent
from rsc_bench.reports.tables.table import Table

# What needs action comes first.
_GRAVITY = {"wrong": 0, "failed": 1, "skipped": 2}


@dataclass(frozen=True)
class Unmeasured:
    """Cases of one kernel that have no measurement for the same reason."""

    status: str
    kernel: str
    reason: str
    cases: tuple[str, ...]
    """Each case in words, without its kernel."""


def unmeasured(table: Table) -> list[Unmeasured]:
    """Return every case that is not ok, in groups: wrong first, then failed, then skipped."""
    groups: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for row in table.unmeasured.to_dict("records"):
        groups[row["status"], row["kernel"], row["reason"]].append(_words(row, several=len(table.sources) > 1))
    ordered = sorted(groups.items(), key=lambda group: (_GRAVITY[group[0][0]], *group[0]))
    return [Unmeasured(*key, cases=tuple(cases)) for key, cases in ordered]


def _words(row: dict[str, Any], several: bool) -> str:
    named = {
        name: row[name]
        for name in ("model", "variant", "freed_memory", "budget", "layers", "epochs", "seed")
        if not absent(row[name])
    }
    # A column with absent numbers has floats, also of what is counted.
    beyond = [f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}" for name, value in named.items()]
    aggregation = [] if row["reduce"] == "sum" else [row["reduce"]]
    words = [row["graph"], f"d = {row['width']}", *beyond, *aggregation, row["dtype"], row["device"], row["clock"]]
    return " · ".join([*([row["file"]] if several else []), *words, f"round {row['rounds']}"])
