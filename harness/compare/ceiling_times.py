"""Turns a run into one whose times are multiples of what its device needs for the same bytes at a ceiling."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from statistics import median
from typing import Literal

from rsc_bench.harness.metrics import traffic
from rsc_bench.harness.records.case import Case
from rsc_bench.harness.records.ceilings import Ceilings
from rsc_bench.harness.records.measurement import Measurement
from rsc_bench.harness.records.ranges import LONGEST_S, SHORTEST_S
from rsc_bench.harness.records.run import Record, Run

Access = Literal["gather", "copy"]
"""How memory is read: rows in random order, or all of it in order."""
ACCESSES: tuple[Access, ...] = ("gather", "copy")
"""The two ceilings of a multiply: with no row of the dense operand reused, and with every one moved once."""


def at_ceilings(run: Run, access: Access) -> Run:
    """Return the run with every time over that of its bytes at the ceiling; records that have none are left out."""
    rounds = []
    under: _Under | None = None
    for (start, records), ceilings in zip(run.rounds, run.ceilings, strict=True):
        # A session measures its ceilings once, and all of its rounds are under them.
        if ceilings is not None and (under is None or under.ceilings is not ceilings):
            under = _Under(ceilings, access)
        rounds.append((start, [found for record in records if under and (found := under.counted(record))]))
    return Run(path=run.path, environment=run.environment, rounds=rounds)


def shares(counted: Run) -> dict[Case, float]:
    """Return the percent of the ceiling that each case of such a run reached, the median over the rounds."""
    found: dict[Case, list[float]] = {}
    for record in counted.records:
        assert record.measurement is not None
        found.setdefault(record.case, []).append(100 / record.measurement.timing.times_s[0])
    return {case: median(each) for case, each in found.items()}


def doubt(run: Run, access: Access) -> float:
    """Return by what share a ceiling may be off: how far the fastest quarter of its samples reaches, in the worst session."""
    sessions = [start.ceilings for start, _ in run.rounds if start.ceilings is not None]
    gaps = [[_gap(probe.times_s) for probe in each.probes if probe.what == access] for each in sessions]
    return max((median(each) for each in gaps if each), default=0.0)


def _gap(times_s: Sequence[float]) -> float:
    ordered = sorted(times_s)
    quarter = min(len(ordered) - 1, max(1, len(ordered) // 4))
    return ordered[quarter] / ordered[0] - 1


def why_none(run: Run) -> str | None:
    """Return why a run has no ceilings at all; None where it has."""
    known = [each for each in run.ceilings if each is not None]
    if any(each.probes for each in known):
        return None
    return next((each.missing for each in known if each.missing), "it was written before they were measured")


class _Under:
    """The ceiling of one session, and what is under it."""

    def __init__(self, ceilings: Ceilings, access: Access) -> None:
        self.ceilings = ceilings
        self._access = access
        # Thousands of cases have a handful of sizes.
        self._gather = lru_cache(ceilings.gather)
        self._copy = ceilings.copy()

    def counted(self, record: Record) -> Record | None:
        """Return the record with its fastest call as a multiple of its time at the ceiling; None where it has none."""
        if record.measurement is None or self.ceilings.device != record.case.device:
            return None
        ceiling_s = self._seconds(record.case, record.measurement)
        if not ceiling_s:
            return None
        # Selecting is in it: it takes its time on either device.
        counted = record.measurement.timing.fastest_s / ceiling_s
        return record.with_times([counted]) if SHORTEST_S <= counted <= LONGEST_S else None

    def _seconds(self, case: Case, measured: Measurement) -> float | None:
        """Seconds that the device needs for the bytes of a case; None where either is not known."""
        did = traffic.traffic_of(case, measured)
        if did is None or did.operand_bytes is None or did.compulsory_bytes is None:
            return None
        moved = did.gathered_bytes if self._access == "gather" else did.compulsory_bytes
        rate = self._gather(did.row_bytes, did.operand_bytes) if self._access == "gather" else self._copy
        return None if rate is None else moved / rate
