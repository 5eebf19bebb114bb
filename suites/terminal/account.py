"""Adds up where the time of a run went: into kernels, or into all that is done around them."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Callable, Iterator
from time import monotonic

from rsc_bench.harness.records.case import HARNESS
from rsc_bench.harness.records.measurement import KERNEL
from rsc_bench.harness.records.run import Record
from rsc_bench.text import minutes

CEILINGS = "ceilings"
_UNTIMED = "untimed"
_NAMES = {
    "graph": "graphs",
    "operands": "operands",
    "reference": "references in float64",
    "check": "checks",
    "probe": "looks between calls",
    "memory": "reading memory",
    "state": "looking after the process",
    CEILINGS: "starting and ceilings",
    _UNTIMED: "cases without a time",
}
"""What each part is called; all others, and what is on no account, are the rest."""
_NAMED = 4
"""Parts that are named; the others go to the rest."""


class Account:
    """The seconds of a run since it planned its cases, without the suite harness and trainings, which tell theirs by phase."""

    def __init__(self, now: Callable[[], float] = monotonic) -> None:
        """Begin; `now` reads the time in seconds."""
        self._now, self._start = now, now()
        self._apart_s = 0.0
        self._spent: defaultdict[str, float] = defaultdict(float)

    def add(self, record: Record, seconds: float) -> None:
        """Take a case that took so long, with all that was done for it."""
        spent_s = None if record.measurement is None else record.measurement.timing.spent_s
        if record.case.model is not None or record.case.suite == HARNESS:
            self._apart_s += seconds
        elif spent_s is not None:
            for part, taken_s in spent_s.items():
                self._spent[part] += taken_s
        else:
            self._spent[_UNTIMED] += seconds

    @contextlib.contextmanager
    def on(self, part: str) -> Iterator[None]:
        """Take the seconds of a block that is of no case."""
        start = self._now()
        yield
        self._spent[part] += self._now() - start

    def line(self) -> str | None:
        """Return which share was spent in kernels, and outside of them on what; None where no kernel was measured."""
        total, kernels = self._now() - self._start - self._apart_s, self._spent[KERNEL]
        if not kernels:
            return None
        inside = kernels / total
        named = sorted(((self._spent[part] / total, name) for part, name in _NAMES.items()), reverse=True)[:_NAMED]
        named.append((1 - inside - sum(share for share, _ in named), "the rest"))
        parts = ", ".join(f"{100 * share:.0f} % {name}" for share, name in named if share >= 0.005)
        return (
            f"time:    {minutes(total)}, {100 * inside:.0f} % of it in kernels (tuning, preparing and every call, timed or not); "
            f"outside: {parts}"
        )
