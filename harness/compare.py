"""Turns two runs into one verdict per case, and the verdicts into an exit status."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, Literal

from harness.environment import differences
from harness.record import Case, Measurement, Run
from harness.statistics import Ratio, more_rounds, ratio_of

Change = Literal["same", "faster", "slower", "unclear", "missing", "new", "broken"]

# The order in which a reader wants them.
CHANGES: tuple[Change, ...] = ("slower", "broken", "missing", "unclear", "faster", "new", "same")
FAILING: tuple[Change, ...] = ("slower", "broken", "missing")
MIN_ROUNDS = 3
TOO_FEW = f"needs at least {MIN_ROUNDS} rounds on each side"
HOPELESS_ROUNDS = 100

CPU_FIELDS = ("cpu.model", "cpu.logical_cores", "cpu.usable_cores", "cpu.quota_cores")


@dataclass(frozen=True)
class Verdict:
    """What became of one case between two runs."""

    case: Case
    change: Change
    ratio: float | None = None
    """New time over base time: above 1 is slower; None where a side has no time."""
    interval: tuple[float, float] | None = None
    """95 % confidence interval of the ratio, from the rounds; None with fewer than 2 on a side."""
    rounds: tuple[int, int] = (0, 0)
    """Rounds with a time, in base and in new."""
    reason: str | None = None
    """Why it is unclear, missing or broken; None where the numbers say it."""


@dataclass(frozen=True)
class Comparison:
    """Two runs side by side: every verdict, and what else differs between them."""

    base: Path
    new: Path
    threshold: float
    """Share by which a time must change to count, 0.05 for 5 %."""
    verdicts: tuple[Verdict, ...]
    """In the order of the base run, then what only the new run has."""
    not_judged: int
    """Cases that never had a time in base and have none in new."""
    differences: dict[str, tuple[Any, Any]]
    """Fields of the environments that differ, with base's and new's value."""
    machines: tuple[str, ...]
    """Those of the fields that make times of two machines: CPU, and GPU where a case ran on one."""
    in_both: int
    """Cases with a record on both sides, whatever its status."""
    unfinished: tuple[str, ...]
    """Each round of either run that stopped before its last case, in words."""

    @property
    def counts(self) -> dict[Change, int]:
        """How many cases came out which way, every way named."""
        counted = Counter(verdict.change for verdict in self.verdicts)
        return {change: counted[change] for change in CHANGES}

    @property
    def common(self) -> int:
        """Cases with a time on both sides."""
        return sum(verdict.ratio is not None for verdict in self.verdicts)

    @property
    def exit_status(self) -> int:
        """0 nothing slower; 1 slower, missing or broken; 3 cannot be judged. An improvement never fails."""
        if any(self.counts[change] for change in FAILING):
            return 1
        return 3 if self.counts["unclear"] or not self.common else 0


@dataclass
class _Seen:
    """All that one run says of one case."""

    times_s: dict[int, float] = field(default_factory=dict)
    """Fastest sample of each round, by the round's place in the file."""
    trouble: tuple[str, str] | None = None
    """Status and reason of the worst record that was not ok."""
    digests: set[str | None] = field(default_factory=set)
    """What identifies the graph's contents; more than one where a file changed between rounds."""

    def add(self, place: int, measured: Measurement) -> None:
        self.times_s[place] = min(*measured.times_s, self.times_s.get(place, math.inf))
        self.digests.add(measured.graph_digest)

    @property
    def broken(self) -> bool:
        """Whether any round found it wrong or failing, or no round has a time; skipped once is no harm."""
        return self.trouble is not None and (self.trouble[0] != "skipped" or not self.times_s)


def compare(base: Run, new: Run, threshold: float, across_machines: bool = False) -> Comparison:
    """Return one verdict per case of two runs.

    Args:
        base: what to compare against.
        new: what is judged.
        threshold: share by which a time must change to count, in (0, 1).
        across_machines: judge times also where CPU or GPU differ.
    """
    if not 0 < threshold < 1:
        raise ValueError(f"threshold must be above 0 and below 1 (got {threshold:g})")
    seen = _seen(base), _seen(new)
    differ = differences(base.environment, new.environment)
    machines = _machines(differ, any(case.device.startswith("cuda") for case in chain(*seen)))
    verdicts = list(_verdicts(*seen, threshold, () if across_machines else machines))
    judged = tuple(verdict for verdict in verdicts if verdict)
    return Comparison(
        base.path,
        new.path,
        threshold,
        judged,
        len(verdicts) - len(judged),
        differ,
        machines,
        in_both=len(seen[0].keys() & seen[1].keys()),
        unfinished=(*_unfinished(base), *_unfinished(new)),
    )


def judge(case: Case, base_s: list[float], new_s: list[float], threshold: float) -> Verdict:
    """Return the verdict on one case from its fastest call in each round.

    The round is the unit: samples of one process share its luck, so more of them do not make a verdict surer. Of a round
    its fastest call counts, because noise only ever adds time; over the rounds the median does, because a round can have
    bad luck as a whole. With a threshold t,

    * slower: the ratio is above 1 + t, and the interval lies above 1: large enough to matter, and not by chance;
    * faster: the mirror image, below 1/(1 + t) with the interval below 1;
    * same: the ratio is within [1/(1 + t), 1 + t], and the interval within twice that: not seeing a change is no proof that
      there is none, so the interval must also be too narrow to hide one;
    * unclear: everything else, and fewer than 3 rounds on a side, whose interval would rest on one degree of freedom.
    """
    found = ratio_of(base_s, new_s)
    rounds = len(base_s), len(new_s)
    if min(rounds) < MIN_ROUNDS:
        reason = f"{TOO_FEW} (has {rounds[0]} and {rounds[1]})"
        return Verdict(case, "unclear", found.value, found.interval, rounds, reason)
    change, why = _change(found, threshold, min(rounds))
    return Verdict(case, change, found.value, found.interval, rounds, why)


def _change(found: Ratio, threshold: float, rounds: int) -> tuple[Change, str | None]:
    assert found.interval is not None
    (low, high), limit, wide = found.interval, 1 + threshold, 1 + 2 * threshold
    if found.value > limit:
        return ("slower", None) if low > 1 else ("unclear", _unclear(found, "slower", wide, rounds))
    if found.value < 1 / limit:
        return ("faster", None) if high < 1 else ("unclear", _unclear(found, "faster", wide, rounds))
    if 1 / wide <= low and high <= wide:
        return "same", None
    return "unclear", _unclear(found, "same", wide, rounds)


def _unclear(found: Ratio, looks: Literal["slower", "faster", "same"], wide: float, rounds: int) -> str:
    """Why it is unclear, and how many rounds would probably settle it."""
    assert found.interval is not None
    low, high = (math.log(end) for end in found.interval)
    middle = (low + high) / 2
    room = {"slower": middle, "faster": -middle, "same": math.log(wide) - abs(middle)}[looks]
    more = more_rounds(found.interval, room, rounds)
    settle = (
        "more rounds would hardly settle it" if more is None or more > HOPELESS_ROUNDS else f"about {more} more rounds on each side"
    )
    return f"looks {looks}, but the interval is too wide to say: {settle}"


def _seen(run: Run) -> dict[Case, _Seen]:
    seen: dict[Case, _Seen] = {}
    for place, (_, records) in enumerate(run.rounds):
        for record in records:
            entry = seen.setdefault(record.case, _Seen())
            if record.measurement is not None:
                entry.add(place, record.measurement)
            elif entry.trouble is None or entry.trouble[0] == "skipped":
                entry.trouble = record.status, record.reason or ""
    return seen


def _unfinished(run: Run) -> Iterator[str]:
    for start, records in run.rounds:
        if len(records) < start.cases:
            yield f"{run.path}: round {start.index} stopped after {len(records)} of {start.cases} cases"


def _verdicts(
    base: dict[Case, _Seen], new: dict[Case, _Seen], threshold: float, machines: tuple[str, ...]
) -> Iterator[Verdict | None]:
    """Every case's verdict, those with times held back where there are `machines` that differ."""
    for case in {**base, **new}:
        verdict = _verdict(case, base.get(case, _Seen()), new.get(case, _Seen()), threshold)
        yield _held_back(verdict, f"the machines differ ({', '.join(machines)})") if verdict and machines else verdict


def _verdict(case: Case, base: _Seen, new: _Seen, threshold: float) -> Verdict | None:
    """One verdict, or None where neither side has a time."""
    rounds = len(base.times_s), len(new.times_s)
    if not base.times_s:
        return Verdict(case, "new", rounds=rounds) if new.times_s and not new.broken else None
    if new.broken and new.trouble:
        return Verdict(case, "broken", rounds=rounds, reason=": ".join(new.trouble))
    if not new.times_s:
        return Verdict(case, "missing", rounds=rounds, reason="measured in base, absent in new")
    verdict = judge(case, list(base.times_s.values()), list(new.times_s.values()), threshold)
    # Two graphs under one name, as when a file was changed; None is of a run that did not say.
    differ = len((base.digests | new.digests) - {None}) > 1
    return _held_back(verdict, "the graph's contents differ") if differ else verdict


def _held_back(verdict: Verdict, reason: str) -> Verdict:
    """The verdict without its judgement of time: two machines, or two graphs, are not two versions."""
    if verdict.ratio is None:
        return verdict
    return Verdict(verdict.case, "unclear", verdict.ratio, verdict.interval, verdict.rounds, reason)


def _machines(differ: dict[str, tuple[Any, Any]], on_gpu: bool) -> tuple[str, ...]:
    gpu = [name for name in differ if on_gpu and name.startswith("gpus.") and name.endswith(".name")]
    return tuple(name for name in differ if name in CPU_FIELDS or name in gpu)
