"""Goes through results files and gathers their measured cases as columns: a number for each metric and record, and no objects."""

from __future__ import annotations

import math
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from rsc_bench.harness.metrics import Baselines, Metric, absent
from rsc_bench.harness.records.case import Case
from rsc_bench.harness.records.ceilings import Ceilings
from rsc_bench.harness.records.measurement import GpuReadings, Measurement, Training
from rsc_bench.harness.records.run import Record, Records, Round, Run


@dataclass
class Overview:
    """What a first pass over a file finds, which the second needs before its first record."""

    started: str = ""
    """When its first round started; empty where it has none."""
    rounds: int = 0
    """Rounds that have a record."""
    records: int = 0
    current: Round | None = None
    """The round that started last."""
    done: int = 0
    """Its records."""
    devices: set[str] = field(default_factory=set)
    ceilings: Ceilings | None = None
    """What its device reached when its last session began."""
    nodes: dict[str, Any] = field(default_factory=dict)
    """What is known of each device that shared the sweep, by name; empty where there was one."""
    by_node: Counter[str] = field(default_factory=Counter)
    """How many records each of them made."""
    wrong: set[Case] = field(default_factory=set)
    """Cases that were wrong in a round: these have no number in any, and nothing is quoted against them."""
    exact: list[list[Record]] = field(default_factory=list)
    """The measured exact kernels of each round."""
    trainings: list[tuple[Round, list[Record]]] = field(default_factory=list)
    """Every record of a training, round by round."""
    unmeasured: dict[tuple[Case, str, str], list[int]] = field(default_factory=lambda: defaultdict(list))
    """The rounds in which a case was so, by case, status and reason."""

    def baselines(self) -> list[Baselines]:
        """Return what the metrics of each round are quoted against."""
        return [Baselines(record for record in records if record.case not in self.wrong) for records in self.exact]

    def forgotten(self) -> Overview:
        """Return it without the records, when these were gone through."""
        return replace(self, exact=[], trainings=[])

    def training_run(self, run: Records) -> Run:
        """Return the trainings of the run alone."""
        return Run(path=run.path, environment=run.environment, rounds=self.trainings)


def overview(run: Records) -> Overview:
    """Return what one pass over a file finds."""
    found = Overview()
    last = None
    for start, record in run.entries():
        if record is None:
            found.started = found.started or start.started
            found.current, found.done = start, 0
            found.ceilings = start.ceilings or found.ceilings
            found.nodes |= start.nodes or {}
            found.exact.append([])
            found.trainings.append((start, []))
            continue
        found.rounds += start is not last
        last = start
        _look(found, start, record)
    return found


def _look(found: Overview, start: Round, record: Record) -> None:
    found.records += 1
    found.done += 1
    found.devices.add(record.case.device)
    if record.node is not None:
        found.by_node[record.node] += 1
    if record.case.model is not None:
        found.trainings[-1][1].append(record)
    if record.measurement is None:
        found.unmeasured[record.case, record.status, record.reason or ""].append(start.index)
        if record.status == "wrong":
            found.wrong.add(record.case)
    elif record.case.is_exact:
        found.exact[-1].append(record)


class Gathered:
    """The measured cases of all files; numbers stand in the order of their records, NaN where a metric has none."""

    def __init__(self, metrics: Sequence[Metric]) -> None:
        self.metrics = tuple(metrics)
        # Metrics that are quoted against the same kernels share one look-up: there are many cases.
        groups = {_quoted_against(metric): metric for metric in metrics}
        self.groups = list(groups.values())
        self.group_of = [list(groups).index(_quoted_against(metric)) for metric in metrics]
        self.cases: list[Case] = []
        self.files = array("q")
        """Place of the file of each case."""
        self.nnz, self.pairs = array("q"), array("q")
        """Non-zeros and column-row pairs of the matrix of each case; -1 where the latter are not recorded."""
        self.rows = array("q")
        """Of each record the place of its case."""
        self.numbers = [array("d") for _ in metrics]
        # Looked up once: there are millions of numbers.
        self._each = [
            (each.value, group, own.append, None if each.why_absent is absent else each)
            for each, group, own in zip(metrics, self.group_of, self.numbers, strict=True)
        ]
        self.against = [array("q") for _ in self.groups]
        """For each group of metrics and each record the place of its baseline in `names`; -1: none."""
        self.names: dict[str, int] = {}
        self.absent: dict[str, dict[int, str]] = defaultdict(dict)
        """By metric and by the place of a case, why it had no value the last time; what goes without saying is left out."""
        self.trained: dict[int, Measurement] = {}
        """The fastest training of each case that is one, by its place."""
        self.by_round: dict[int, dict[int, Training]] = defaultdict(dict)
        """The epochs of each case that is a training in each round of its file, by its place."""
        self.sensed: dict[int, GpuReadings] = {}
        """The readings that say most of each case on a GPU, by its place."""

    def add(self, run: Records, file: int, found: Overview) -> None:
        """Gather the measured cases of one more file."""
        places: dict[Case, int] = {}
        baselines, number = found.baselines(), -1
        ceilings: Ceilings | None = None
        for start, record in run.entries():
            if record is None:
                number += 1
                ceilings = start.ceilings or ceilings
            elif record.measurement is not None and record.case not in found.wrong:
                place = places.get(record.case)
                if place is None:
                    place = places[record.case] = len(self.cases)
                    self.cases.append(record.case)
                    self.files.append(file)
                    self.nnz.append(record.measurement.matrix.nnz)
                    self.pairs.append(-1 if record.measurement.matrix.columns is None else record.measurement.matrix.columns)
                self._keep(place, record.case, record.measurement, number)
                self._measure(record.case, record.measurement, baselines[number], ceilings)

    def _keep(self, place: int, case: Case, measurement: Measurement, number: int) -> None:
        self.rows.append(place)
        if case.model is not None:
            self.trained[place] = min(self.trained.get(place, measurement), measurement, key=_fastest_s)
            if measurement.training:
                self.by_round[place][number] = measurement.training
        if measurement.gpu:
            self.sensed[place] = max(self.sensed.get(place, measurement.gpu), measurement.gpu, key=_sensed)

    def _measure(self, case: Case, measurement: Measurement, baselines: Baselines, ceilings: Ceilings | None) -> None:
        found = [baselines.of(metric, case) for metric in self.groups]
        for codes, each in zip(self.against, found, strict=True):
            codes.append(-1 if each is None else self.names.setdefault(each[0], len(self.names)))
        others = [each and each[1] for each in found]
        for value, group, append, explained in self._each:
            number = value(case, measurement, others[group], ceilings)
            append(math.nan if number is None else number)
            if number is None and explained and (reason := explained.why_not_known(measurement, others[group])):
                self.absent[explained.name][self.rows[-1]] = reason


def _quoted_against(metric: Metric) -> tuple[object, ...]:
    """What decides which kernel a metric is quoted against."""
    return metric.against, metric.against_float32, metric.fastest_by


def _fastest_s(measurement: Measurement) -> float:
    return measurement.timing.fastest_s


def _sensed(gpu: GpuReadings) -> int:
    return (gpu.energy is not None) + (gpu.trace is not None)


def unmeasured_cases(found: Overview) -> Iterator[tuple[Case, str, str, str]]:
    """Yield each case without a measurement with its status, its reason, and in words the rounds in which it was so."""
    for (case, status, reason), rounds in found.unmeasured.items():
        yield case, status, reason, ", ".join(map(str, sorted({*rounds})))
