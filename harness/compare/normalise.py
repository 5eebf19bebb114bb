"""Turns two runs on different devices into verdicts on the kernels: what of a change in time is the device's, and what theirs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from statistics import median

import msgspec

from rsc_bench.harness.compare import USUAL_RULE
from rsc_bench.harness.compare.ceiling_times import ACCESSES, Access, at_ceilings, doubt, shares, why_none
from rsc_bench.harness.compare.comparison import Comparison, compare
from rsc_bench.harness.compare.namesakes import Namesakes, aligned
from rsc_bench.harness.compare.obstacles import differs
from rsc_bench.harness.compare.reasons import Cause, Differs, Explained, NoCeiling, Obstacle
from rsc_bench.harness.compare.verdict import Change, Verdict
from rsc_bench.harness.records.case import Case
from rsc_bench.harness.records.measurement import Measurement, Timing
from rsc_bench.harness.records.run import Record, Records, Round, Run

METRIC = "normalised time"
MOST_MARGIN = 0.99
CAUSES: tuple[Cause, ...] = ("device", "kernel")


@dataclass(frozen=True)
class _Against:
    """Two runs under one kind of ceiling."""

    verdicts: Mapping[Case, Verdict]
    """On the times as multiples of those at the ceiling."""
    base: Mapping[Case, float]
    """Percent of the ceiling that each case reached in base."""
    new: Mapping[Case, float]
    doubt: float
    """By what share the ceilings of both runs together may be off."""


class OneDeviceError(ValueError):
    """Both runs are of one device, so that there is nothing to normalise; the message says what to do."""


def normalise(base: Run, new: Run, threshold: float = 0.05, across: Collection[str] = (), rule: str = USUAL_RULE) -> Comparison:
    """Return one verdict per case of two runs on different devices, each on the kernel.

    A time over the device's own for the same bytes, at a ceiling, is what of the time is not the device's. By it every case is
    judged as `compare` judges a time: once against gathering, where no row is reused, and once against a copy, where all are. What
    a kernel may expect of a device lies between. So it is slower where it is by both, faster likewise, and the same where one of
    them, or what lies between them, explains its time.

    Args:
        base: what to compare against.
        new: what is judged.
        threshold: share by which it must change to count, in (0, 1); the doubt about the ceilings is added to it.
        across: what is judged although it differs, beside the machines: ``versions``, ``graphs``.
        rule: name of the decision rule.

    Raises ValueError for ``clocks``: a cold cache and a hot one are no difference between devices; and `OneDeviceError` for two
    runs of one device, which `compare` judges better.
    """
    if "clocks" in across:
        raise ValueError("two devices are normalised by one clock (got clocks among what may differ)")
    across = frozenset({*across, "machines"})
    judged = partial(compare, across=across | {"versions"}, rule=rule)
    time = judged(base, new, threshold)
    if not time.machines:
        raise OneDeviceError(f"{base.path} and {new.path} are of one device, whose times are compared as they are: leave it out")
    base, new = _called_as_compared(base, new)
    obstacles = _of_devices(time.obstacles)
    in_the_way = differs(obstacles, across)
    against = {access: _against(access, base, new, threshold, judged) for access in ACCESSES}
    verdicts = tuple(_judged(verdict, against, in_the_way) for verdict in time.verdicts)
    notes = (*time.notes, *_without(base, new), *_devices(verdicts, against), *_causes(verdicts))
    return replace(time, verdicts=verdicts, obstacles=obstacles, across=across, notes=notes)


def gathered(records: Records) -> Run:
    """Return the run with what is needed of it here, for it is gone through a dozen times: the fastest sample of each record."""
    rounds: list[tuple[Round, list[Record]]] = []
    cases: dict[Case, Case] = {}
    for start, record in records.entries():
        if record is None:
            rounds.append((start, []))
        else:
            rounds[-1][1].append(_fastest(record, cases.setdefault(record.case, record.case)))
    return Run(path=records.path, environment=records.environment, rounds=rounds)


def _fastest(record: Record, case: Case) -> Record:
    """The record with its fastest sample and what that moved, its case in memory once for all rounds."""
    measured = record.measurement
    if measured is not None:
        timing = Timing(times_s=[measured.timing.fastest_s], select_s=None, prepare_s=None)
        measured = Measurement(timing=timing, matrix=measured.matrix)
    return msgspec.structs.replace(record, case=case, measurement=measured)


def _called_as_compared(base: Run, new: Run) -> tuple[Run, Run]:
    """The runs with their cases under the names that the verdicts on their times have."""
    found = aligned({record.case for record in base.records}, {record.case for record in new.records})
    new = _called(new, lambda case: found.get(case, case))
    names = Namesakes(record.case for run in (base, new) for record in run.records)
    return _called(base, names.called), _called(new, names.called)


def _called(run: Run, name: Callable[[Case], Case]) -> Run:
    rounds = [
        (start, [msgspec.structs.replace(record, case=name(record.case)) for record in records]) for start, records in run.rounds
    ]
    return msgspec.structs.replace(run, rounds=rounds)


def _of_devices(obstacles: Mapping[Obstacle, tuple[str, ...]]) -> dict[Obstacle, tuple[str, ...]]:
    """The obstacles, with the drivers among the machines: they come with their devices, other versions are the user's."""
    names = [name for found in obstacles.values() for name in found]
    versions = tuple(name for name in obstacles.get("versions", ()) if not name.startswith("gpus."))
    found: dict[Obstacle, tuple[str, ...]] = {
        "machines": tuple(name for name in names if name not in versions),
        "versions": versions,
    }
    return {obstacle: each for obstacle, each in found.items() if each}


def _against(access: Access, base: Run, new: Run, threshold: float, judged: Callable[[Run, Run, float], Comparison]) -> _Against:
    sides = at_ceilings(base, access), at_ceilings(new, access)
    off = doubt(base, access) + doubt(new, access)
    found = judged(*sides, min(MOST_MARGIN, threshold + off))
    verdicts = {verdict.case: verdict for verdict in found.verdicts if verdict.ratio is not None}
    return _Against(verdicts, shares(sides[0]), shares(sides[1]), off)


def _judged(time: Verdict, against: Mapping[Access, _Against], in_the_way: Differs | None) -> Verdict:
    """The verdict on the kernel of one case; that on its time where there is none on both sides."""
    if time.ratio is None:
        return time
    known = {access: each for access, each in against.items() if time.case in each.verdicts}
    parts = [replace(each.verdicts[time.case], metric=f"time at {access} ceiling", value_unit="") for access, each in known.items()]
    if in_the_way or not parts:
        unjudged = replace(time, change="unclear", chance=None, chance_limit=None, rounds_needed=None, no_slower=False)
        return replace(unjudged, reason=in_the_way or NoCeiling(), parts=(time, *parts))
    change = _change({part.change for part in parts})
    nearest = min(parts, key=lambda part: (part.change != change, abs((part.ratio or 1) - 1)))
    cause = _cause(change, time.change)
    return replace(
        nearest,
        change=change,
        metric=METRIC,
        reason=nearest.reason if change == "unclear" else _why(time, known, cause),
        no_slower=any(part.no_slower for part in parts),
        cause=cause,
        parts=(time, *parts),
        values=time.values,
        value_unit=time.value_unit,
    )


def _change(changes: set[Change]) -> Change:
    """What both ceilings agree on; where they contradict each other the device explains it, as where one says so."""
    if len(changes) == 1:
        return next(iter(changes))
    return "same" if "same" in changes or changes == {"slower", "faster"} else "unclear"


def _cause(change: Change, of_time: Change) -> Cause | None:
    if change in ("slower", "faster"):
        return "kernel"
    return "device" if change == "same" and of_time in ("slower", "faster") else None


def _why(time: Verdict, known: Mapping[Access, _Against], cause: Cause | None) -> Explained:
    """Whose the difference is, with the time and the shares of either side."""
    assert time.ratio is not None
    sides = ((access, each.base[time.case], each.new[time.case]) for access, each in known.items())
    return Explained(cause, time.ratio, tuple(sides))


def _without(base: Run, new: Run) -> Iterator[str]:
    for run in (base, new):
        reason = why_none(run)
        if reason:
            yield f"{run.path}: has no ceilings ({reason}): measure again, or compare times alone with --across machines"


def _devices(verdicts: Collection[Verdict], against: Mapping[Access, _Against]) -> Iterator[str]:
    """What the devices would lead one to expect, and how sure that is."""
    for access, each in against.items():
        expected = [found for verdict in verdicts if (found := _expected(verdict, each)) is not None]
        if expected:
            off = f"; the threshold is widened by {100 * each.doubt:.3g} %, by which it may be off" if each.doubt else ""
            of = f"{median(expected):.3f} of base's (median of {len(expected)} cases)"
            yield f"by {access} the devices alone would make times {of}{off}"


def _expected(verdict: Verdict, against: _Against) -> float | None:
    """New time over base time at equal shares of a ceiling."""
    part = against.verdicts.get(verdict.case)
    time = verdict.parts[0].ratio if verdict.parts else None
    return None if part is None or not part.ratio or time is None else time / part.ratio


def _causes(verdicts: Collection[Verdict]) -> Iterator[str]:
    count = Counter(verdict.cause for verdict in verdicts if verdict.cause)
    if count:
        said = " and ".join(f"in {count[cause]} the {cause}'s" for cause in CAUSES if count[cause])
        yield f"the difference is {said}; --all lists every case"
