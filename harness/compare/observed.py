"""Turns a run into what it says of each case: its values round by round, and its trouble."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from rsc_bench.harness.compare.criteria import TIME, Criterion
from rsc_bench.harness.metrics import Baselines
from rsc_bench.harness.records.case import Case
from rsc_bench.harness.records.ceilings import Ceilings
from rsc_bench.harness.records.run import Record, Round, Run

Place = tuple[str | None, int, int | None]
"""Of a value: what its round was taken in turns as, and the index there, or None and its place in the file; and the seed."""
Values = dict[Place, float]


@dataclass
class Observed:
    """All that one run says of one case."""

    places: set[Place] = field(default_factory=set)
    """Rounds in which it was measured."""
    values: dict[str, Values] = field(default_factory=dict)
    """By the name of the metric, round by round; a round that has none is left out."""
    trouble: tuple[str, str] | None = None
    """Status and reason of the worst record that was not ok."""
    digests: set[str | None] = field(default_factory=set)
    """What identifies the graph's contents; more than one where a file changed between rounds."""

    @property
    def broken(self) -> bool:
        """Whether any round found it wrong or failing, or no round measured it; skipped once is no harm."""
        return self.trouble is not None and (self.trouble[0] != "skipped" or not self.places)

    def values_of(self, criterion: Criterion) -> Values:
        """Return the values of a metric."""
        return self.values.get(criterion.metric.name, {})


def observed(run: Run, criteria: Sequence[Criterion]) -> dict[Case, Observed]:
    """Return what a run says of each of its cases, in its order."""
    seen: dict[Case, Observed] = defaultdict(Observed)
    for place, (start, records), ceilings in zip(range(len(run.rounds)), run.rounds, run.ceilings, strict=True):
        reading = _Reading(_place(start, place), criteria, records, ceilings)
        for record in records:
            entry = seen[record.case]
            if record.measurement is not None:
                reading.add(entry, record)
            elif entry.trouble is None or entry.trouble[0] == "skipped":
                entry.trouble = record.status, record.reason or ""
    return dict(seen)


def _place(start: Round, place: int) -> tuple[str | None, int]:
    return (start.alternated, start.index) if start.alternated is not None else (None, place)


class _Reading:
    """One round, as its metrics read it."""

    def __init__(
        self, place: tuple[str | None, int], criteria: Sequence[Criterion], records: Sequence[Record], ceilings: Ceilings | None
    ) -> None:
        self._round = place
        self._criteria = criteria
        self._ceilings = ceilings
        # The time needs no baseline, and finding them for 10,000 cases takes a while.
        self._baselines = None if all(each.metric is TIME for each in criteria) else Baselines(records)

    def add(self, entry: Observed, record: Record) -> None:
        """Put the values of one record with those of its case."""
        assert record.measurement is not None
        place = (*self._round, record.case.seed)
        entry.places.add(place)
        entry.digests.add(record.measurement.matrix.graph_digest)
        for each in self._criteria:
            value = self._value(each, record)
            if value is not None and math.isfinite(value):
                values = entry.values.setdefault(each.metric.name, {})
                # Of a case that a round has twice, as one that was killed, the faster one counts.
                values[place] = min(value, values.get(place, math.inf)) if each.metric is TIME else value

    def _value(self, criterion: Criterion, record: Record) -> float | None:
        assert record.measurement is not None
        if self._baselines is None:
            return record.measurement.timing.fastest_s
        against = self._baselines.of(criterion.metric, record.case)
        return criterion.metric.value(record.case, record.measurement, against[1] if against else None, self._ceilings)
