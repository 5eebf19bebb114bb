"""Turns a pool of rounds into what the rule makes of it, for many numbers of rounds and thresholds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from msgspec.structs import replace

from rsc_bench.harness.ab.pool import Pair, Pool
from rsc_bench.harness.compare.comparison import Comparison, compare
from rsc_bench.harness.records.case import Case
from rsc_bench.harness.records.run import Record, Run

ROUNDS = (3, 5, 7, 9, 15, 25)
"""Rounds on each side that are tried, up to half of the pool's: of more, the comparisons would share most of their rounds."""
THRESHOLDS = (0.02, 0.03, 0.05, 0.1)
CHANGES = (0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3)
"""Changes whose detection is worked out."""
MOST, MOST_SLOWED = 500, 60
"""Comparisons of one setting: of what was measured, and of what is made longer, once for each change."""
SURE = 0.95
"""Share of comparisons in which a change must be caught to count as one that the rule catches."""
ALARMS = 0.01
"""Share of comparisons of identical code that may raise a false alarm."""
SLOWED = 10
"""One case in so many is slowed to see whether it is caught: a change seldom hits all, and the rule corrects for the others."""


@dataclass(frozen=True)
class Tally:
    """What came out of some comparisons."""

    comparisons: int
    failed: int
    """Comparisons with a case called slower."""
    passed: int
    """Comparisons whose exit status is 0; the others cannot be judged."""
    cases: int
    """Cases that were judged, over all comparisons."""
    slower: int
    """Of those, called slower."""
    faster: int
    unclear: int
    ratio: float | None
    """Median ratio over all of them; None where there is none."""

    @property
    def failed_share(self) -> float:
        """Share of comparisons with a case called slower."""
        return self.failed / self.comparisons

    @property
    def passed_share(self) -> float:
        """Share of comparisons whose exit status is 0."""
        return self.passed / self.comparisons

    @property
    def slower_share(self) -> float:
        """Share of cases called slower."""
        return self.slower / self.cases if self.cases else 0.0


@dataclass(frozen=True)
class Trial:
    """What the rule makes of a pool at one setting."""

    rounds: int
    """On each side."""
    threshold: float
    tally: Tally
    caught: dict[float, float]
    """Share of the slowed cases that are called slower, by how much they were slowed; empty where a side is slowed already."""

    @property
    def smallest(self) -> float | None:
        """The smallest change that is caught in `SURE` of the cases; None where none is that was tried."""
        return min((change for change, share in self.caught.items() if share >= SURE), default=None)


@dataclass(frozen=True)
class Study:
    """What the rule makes of a pool."""

    pool: Pool
    threshold: float
    whole: Comparison
    """All rounds of the two sides, at that threshold."""
    trials: tuple[Trial, ...]
    catch: float
    """The smallest change that must be caught."""


def study(pool: Pool, threshold: float, catch: float) -> Study:
    """Return what the rule makes of a pool at many settings, those of `threshold` among them."""
    sides = pool.sides
    whole = compare(sides.base, sides.new, threshold)
    rounds = [count for count in ROUNDS if 2 * count <= pool.rounds]
    thresholds = sorted({*THRESHOLDS, threshold})
    trials = tuple(_trial(pool, count, share, {*CHANGES, catch}) for count in rounds for share in thresholds)
    return Study(pool, threshold, whole, trials, catch)


def recommended(study: Study) -> Trial | None:
    """Return the setting to use to catch `study.catch`: the one with the fewest rounds, then the largest threshold.

    None where no setting catches it in `SURE` of the cases and, of the comparisons of identical code, passes `SURE` and fails
    at most `ALARMS`.
    """
    quiet = [trial for trial in study.trials if trial.tally.failed_share <= ALARMS and trial.tally.passed_share >= SURE]
    good = [trial for trial in quiet if trial.caught.get(study.catch, 0.0) >= SURE]
    return min(good, key=lambda trial: (trial.rounds, -trial.threshold), default=None)


def tally(comparisons: Iterable[Comparison]) -> Tally:
    """Return what came out of some comparisons, one at least."""
    statuses, found = [], []
    for comparison in comparisons:
        statuses.append(comparison.exit_status)
        found.append([verdict for verdict in comparison.verdicts if verdict.ratio is not None])
    counts = Counter(verdict.change for verdicts in found for verdict in verdicts)
    ratios = [verdict.ratio for verdicts in found for verdict in verdicts if verdict.ratio is not None]
    return Tally(
        comparisons=len(found),
        failed=sum(any(verdict.change == "slower" for verdict in verdicts) for verdicts in found),
        passed=statuses.count(0),
        cases=len(ratios),
        slower=counts["slower"],
        faster=counts["faster"],
        unclear=counts["unclear"],
        ratio=median(ratios) if ratios else None,
    )


def _trial(pool: Pool, rounds: int, threshold: float, tried: set[float]) -> Trial:
    found = tally(compare(pair.base, pair.new, threshold) for pair in pool.windows(rounds, MOST))
    pairs = pool.windows(rounds, MOST_SLOWED)
    # No change within the threshold is to be caught.
    changes = [] if pool.injected is not None else sorted(change for change in tried if change > threshold)
    return Trial(rounds, threshold, found, {change: caught(pairs, threshold, change) for change in changes})


def caught(pairs: Sequence[Pair], threshold: float, change: float) -> float:
    """Return the share of slowed cases that are called slower, where every tenth case of the new side takes longer by `change`.

    Which tenth moves on from comparison to comparison, and each has one at least. The times are those that were measured,
    made longer: what `--inject` finds with time that was really spent is the proof.
    """
    slowed = found = 0
    for number, pair in enumerate(pairs):
        cases = list(dict.fromkeys(record.case for record in pair.new.records if record.measurement is not None))
        chosen = set(cases[number % min(SLOWED, len(cases)) :: SLOWED]) if cases else set()
        comparison = compare(pair.base, _slowed(pair.new, chosen, change), threshold)
        slowed += len(chosen)
        found += sum(verdict.change == "slower" and verdict.case in chosen for verdict in comparison.verdicts)
    return found / slowed if slowed else 0.0


def _slowed(run: Run, cases: set[Case], change: float) -> Run:
    def longer(record: Record) -> Record:
        if record.case not in cases or record.measurement is None:
            return record
        return record.with_times([(1 + change) * time for time in record.measurement.timing.times_s])

    return replace(run, rounds=[(start, [longer(record) for record in records]) for start, records in run.rounds])
