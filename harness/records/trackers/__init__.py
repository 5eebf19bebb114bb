"""A run as services that track benchmarks over time take it: one number a case, by which `compare` judges."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from statistics import median

from rsc_bench.harness.records.case import Case
from rsc_bench.harness.records.run import Run


@dataclass(frozen=True)
class Tracked:
    """The time of one case."""

    middle_s: float
    """Median over the rounds of each round's fastest call."""
    low_s: float
    """The fastest round's."""
    high_s: float
    """The slowest round's."""
    rounds: int


def tracked(run: Run) -> dict[str, Tracked]:
    """Return the time of each case by its name; raises ``ValueError`` where no case of the run has one."""
    fastest: dict[Case, list[float]] = defaultdict(list)
    for record in run.records:
        if record.measurement is not None:
            fastest[record.case].append(record.measurement.timing.fastest_s)
    if not fastest:
        raise ValueError("no case has a time, and these services know nothing else: measure it first")
    return {str(case): Tracked(median(each), min(each), max(each), len(each)) for case, each in fastest.items()}


def left_out(run: Run) -> list[str]:
    """Return in words each case that no round has measured, which these services have no place for."""
    measured = {record.case for record in run.records if record.measurement is not None}
    missing = {record.case: f"{record.case}: {record.status}: {record.reason}" for record in run.records}
    return [words for case, words in missing.items() if case not in measured]
