"""A run as services that track benchmarks over time take it: one number a case, by which `compare` judges."""

from __future__ import annotations

from collections import Counter, defaultdict
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
    wrong = {record.case for record in run.records if record.status == "wrong"}  # in any round: it has no time in the others
    for record in run.records:
        if record.measurement is not None and record.case not in wrong:
            fastest[record.case].append(record.measurement.timing.fastest_s)
    if not fastest:
        raise ValueError("no case has a time, and these services know nothing else: measure it first")
    names = Counter(map(str, fastest))
    return {_named(case, names): Tracked(median(each), min(each), max(each), len(each)) for case, each in fastest.items()}


def _named(case: Case, names: Counter[str]) -> str:
    """The name of a case, and where another graph has the same, the digest of its own."""
    return str(case) if names[str(case)] == 1 else f"{case} {case.graph_digest}"


def left_out(run: Run) -> list[str]:
    """Return in words each case that no round has measured, which these services have no place for."""
    wrong = {str(record.case) for record in run.records if record.status == "wrong"}
    measured = {str(record.case) for record in run.records if record.measurement is not None} - wrong
    bad = (record for record in run.records if record.measurement is None)
    missing = {str(record.case): f"{record.case}: {record.status}: {record.reason}" for record in bad}
    return [words for case, words in missing.items() if case not in measured]
