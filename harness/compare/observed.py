"""Turns a run into what it says of each case: its values round by round, and its trouble."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar, cast

from rsc_bench.harness.compare.criteria import TIME, Criterion
from rsc_bench.harness.compare.reasons import Before
from rsc_bench.harness.metrics import round_baselines
from rsc_bench.harness.records.case import Case
from rsc_bench.harness.records.ceilings import Ceilings
from rsc_bench.harness.records.measurement import Measurement
from rsc_bench.harness.records.run import Record, Records, Round

Place = tuple[str | None, int, int | None]
"""Of a value: what its round was taken in turns as, and the index there, or None and its place in the file; and the seed."""
Values = dict[Place, float]


@dataclass(slots=True)
class Observed:
    """All that one run says of one case."""

    places: frozenset[Place] = frozenset()
    """Rounds in which it was measured."""
    values: dict[str, Values] = field(default_factory=dict)
    """By the name of the metric, round by round; a round that has none is left out."""
    unknown: frozenset[tuple[str, str]] = frozenset()
    """Names of metrics, and why a round has no value of them, where that does not go without saying."""
    trouble: tuple[str, str] | None = None
    """Status and reason of the worst record that was not ok."""
    digests: frozenset[str | None] = frozenset()
    """What identifies the graph's contents; more than one where a file changed between rounds."""

    @property
    def broken(self) -> bool:
        """Whether any round found it wrong or failing, or no round measured it; skipped once is no harm."""
        return self.trouble is not None and (self.trouble[0] != "skipped" or not self.places)

    @property
    def before(self) -> Before:
        """What it says of the case where it is the base: a time, nothing, or the status of its records."""
        if self.places:
            return "measured"
        return cast("Before", self.trouble[0]) if self.trouble else "absent"

    def values_of(self, criterion: Criterion) -> Values:
        """Return the values of a metric."""
        return self.values.get(criterion.metric.name, {})


def observed(run: Records, criteria: Sequence[Criterion]) -> tuple[dict[Case, Observed], tuple[str, ...] | None]:
    """Return what a run says of each of its cases, in its order, and what its last session was asked for; None: not known."""
    seen: dict[Case, Observed] = defaultdict(Observed)
    reading = _Reading(run, criteria)
    options: list[str] | None = None
    for start, record in run.entries():
        if record is None:
            reading.begin(start)
            options = start.options
            continue
        entry = seen[record.case]
        if record.measurement is not None:
            reading.add(entry, record, record.measurement)
        elif entry.trouble is None or entry.trouble[0] == "skipped":
            entry.trouble = record.status, record.reason or ""
    return dict(seen), None if options is None else tuple(options)


T = TypeVar("T")


class _Joined(Generic[T]):
    """Sets with one thing more, the same object for the same set: 100,000 cases were measured in the same few rounds."""

    def __init__(self) -> None:
        self._known: dict[tuple[frozenset[T], T], frozenset[T]] = {}

    def __call__(self, before: frozenset[T], thing: T) -> frozenset[T]:
        if thing in before:
            return before
        key = before, thing
        if key not in self._known:
            self._known[key] = before | {thing}
        return self._known[key]


class _Reading:
    """A run, as its metrics read it round by round."""

    def __init__(self, run: Records, criteria: Sequence[Criterion]) -> None:
        self._criteria = criteria
        # The time needs no baseline, and finding them for 10,000 cases takes a while, and a pass over the file.
        self._baselines = [] if all(each.metric is TIME for each in criteria) else round_baselines(run)
        self._number = -1
        self._round: tuple[str | None, int] = (None, 0)
        self._ceilings: Ceilings | None = None
        self._places, self._digests = _Joined[Place](), _Joined[str | None]()
        self._of_seed: dict[int | None, Place] = {}

    def begin(self, start: Round) -> None:
        """Go on to the next round."""
        self._number += 1
        self._round = (start.alternated, start.index) if start.alternated is not None else (None, self._number)
        self._ceilings = start.ceilings or self._ceilings
        self._of_seed = {}

    def add(self, entry: Observed, record: Record, measurement: Measurement) -> None:
        """Put the values of one record with those of its case."""
        seed = record.case.seed
        place = self._of_seed.get(seed) or self._of_seed.setdefault(seed, (*self._round, seed))
        entry.places = self._places(entry.places, place)
        entry.digests = self._digests(entry.digests, measurement.matrix.graph_digest)
        for each in self._criteria:
            value = self._value(each, entry, record.case, measurement)
            if value is not None:
                values = entry.values.setdefault(each.metric.name, {})
                # Of a case that a round has twice, as one that was killed, the faster one counts.
                values[place] = min(value, values.get(place, math.inf)) if each.metric is TIME else value

    def _value(self, criterion: Criterion, entry: Observed, case: Case, measurement: Measurement) -> float | None:
        if not self._baselines:
            return measurement.timing.fastest_s
        _, against = self._baselines[self._number].of(criterion.metric, case) or (None, None)
        value = criterion.metric.value(case, measurement, against, self._ceilings)
        if value is None and (reason := criterion.metric.why_not_known(measurement, against)):
            entry.unknown |= {(criterion.metric.name, reason)}
        return value
