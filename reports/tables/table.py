"""Turns runs into one table: a row per case, its metrics worked out round by round and summed up over the rounds."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from html import escape
from statistics import median
from typing import TYPE_CHECKING, Any

import msgspec

from rsc_bench.harness.compare.recommend import Recommendation, recommend, words
from rsc_bench.harness.metrics import Baselines, Metric
from rsc_bench.harness.records.case import Case
from rsc_bench.harness.records.ceilings import Ceilings
from rsc_bench.harness.records.measurement import GpuReadings, Measurement, Training
from rsc_bench.harness.records.run import Record, Run
from rsc_bench.plugins import load
from rsc_bench.reports.tables.sources import Source, sources

if TYPE_CHECKING:
    import pandas as pd

CASE = ("file", "machine", *Case.__struct_fields__, "selection", "base", "cached")
TRAINED = ("trained", "metric name", "series", "pairs")
SENSED = "sensed"
UNMEASURED = (*CASE, "status", "reason", "rounds")

# What a reader looks for first; every other metric follows in the order it was found.
LEAD = ("speedup", "test metric", "metric drop", "error", "latency")

VENDOR = "speedup vs vendor"
"""Column of the speedup against the vendor's library."""
TORCH_SPARSE = "speedup vs torch-sparse"
"""Column of the speedup against torch-sparse."""

_COMPOSED = re.compile(r"([^()]+)\((.+)\)")


@dataclass(frozen=True)
class Table:
    """What the page is drawn from; a new frame is made by a figure that needs other columns, this one stays as it is."""

    cases: pd.DataFrame
    """A row per measured case of a file: the fields of the case, ``selection``, ``base`` and ``cached`` of a composed kernel,
    ``rounds``; for each metric its median over the rounds under its name, and ``<name> low``, ``high`` and ``against``.
    Of a training also what was trained in words, ``trained``, its ``metric name``, ``series``: the epochs of its fastest
    training, and ``pairs``: the column-row pairs of its matrix. Of a case on a GPU also ``sensed``: the readings that say most."""
    unmeasured: pd.DataFrame
    """A row per case, status and reason without a measurement; ``rounds`` is the text of the rounds it was so in."""
    metrics: tuple[Metric, ...]
    """In the order of the columns."""
    sources: tuple[Source, ...]
    """The files, in the order they were given."""
    recommendations: tuple[tuple[str, Recommendation], ...] = ()
    """What to train with by each file, and the file's name; unescaped."""

    @cached_property
    def products(self) -> list[dict[str, Any]]:
        """The cases that time one product, as rows: everything but training."""
        rows: list[dict[str, Any]] = self.cases[self.cases["model"].isna()].to_dict("records")
        return rows

    @cached_property
    def trainings(self) -> list[dict[str, Any]]:
        """The trainings, as rows: one a seed."""
        rows: list[dict[str, Any]] = self.cases[self.cases["model"].notna()].to_dict("records")
        return rows

    @cached_property
    def kernels(self) -> tuple[str, ...]:
        """Every kernel named in the files, measured or not."""
        return tuple(sorted({*self.cases["kernel"], *self.unmeasured["kernel"]}))

    def escaped(self) -> Table:
        """Return the table with every text safe in plotly, which reads a little HTML in labels."""
        return replace(self, cases=_escaped(self.cases), unmeasured=_escaped(self.unmeasured))


def read_table(runs: Sequence[Run]) -> Table:
    """Return the table of all runs; a case that stands in two files gets a row for each."""
    import pandas as pd

    metrics = _metrics()
    files = sources(runs)
    cases = [row for run, source in zip(runs, files, strict=True) for row in _measured_rows(run, source, metrics)]
    unmeasured = [row for run, source in zip(runs, files, strict=True) for row in _unmeasured_rows(run, source)]
    columns = [*CASE, *TRAINED, SENSED, "rounds", *(column for metric in metrics for column in _columns(metric))]
    advice = tuple((source.name, each) for run, source in zip(runs, files, strict=True) for each in recommend([run]))
    return Table(pd.DataFrame(cases, columns=columns), pd.DataFrame(unmeasured, columns=UNMEASURED), metrics, files, advice)


def _metrics() -> tuple[Metric, ...]:
    found = load("metric")
    names = [*(name for name in LEAD if name in found), *(name for name in found if name not in LEAD)]
    return tuple(found[name] for name in names)


def _columns(metric: Metric) -> tuple[str, str, str, str]:
    return metric.name, f"{metric.name} low", f"{metric.name} high", f"{metric.name} against"


def _measured_rows(run: Run, source: Source, metrics: Sequence[Metric]) -> Iterator[dict[str, Any]]:
    # A kernel that was wrong once has no number in any round, and nothing is quoted against it.
    wrong = {record.case for record in run.records if record.status == "wrong"}
    found: dict[Case, list[list[_Value]]] = defaultdict(list)
    fastest: dict[Case, Measurement] = {}
    sensed: dict[Case, GpuReadings] = {}
    for (_, records), ceilings in zip(run.rounds, run.ceilings, strict=True):
        trusted = [record for record in records if record.case not in wrong]
        for case, measurement, values in _round_values(trusted, metrics, ceilings):
            found[case].append(values)
            fastest[case] = min(fastest.get(case, measurement), measurement, key=_fastest_s)
            if measurement.gpu:
                sensed[case] = max(sensed.get(case, measurement.gpu), measurement.gpu, key=_sensed)
    for case, rounds in found.items():
        trained = {} if case.model is None else _trained(case, fastest[case])
        trained |= {SENSED: sensed[case]} if case in sensed else {}
        yield _identity(case, source) | trained | {"rounds": len(rounds)} | _summary(rounds, metrics)


def _fastest_s(measurement: Measurement) -> float:
    return measurement.timing.fastest_s


def _sensed(gpu: GpuReadings) -> int:
    return (gpu.energy is not None) + (gpu.trace is not None)


def _trained(case: Case, measurement: Measurement) -> dict[str, Any]:
    series = measurement.training or Training(epoch_s=[])
    return dict(zip(TRAINED, (words(case), series.metric_name or "test metric", series, measurement.matrix.columns), strict=True))


@dataclass(frozen=True, slots=True)
class _Value:
    """One metric of one case in one round."""

    number: float | None
    against: str | None


def _round_values(
    records: Sequence[Record], metrics: Sequence[Metric], ceilings: Ceilings | None
) -> Iterator[tuple[Case, Measurement, list[_Value]]]:
    baselines = Baselines(records)
    first = {metric.against: metric for metric in metrics}.values()
    for record in records:
        if record.measurement is not None:
            # Metrics that are quoted against the same kernels share one look-up: there are many cases.
            found = {metric.against: baselines.of(metric, record.case) for metric in first}
            values = [_value(metric, record, found[metric.against], ceilings) for metric in metrics]
            yield record.case, record.measurement, values


def _value(metric: Metric, record: Record, baseline: tuple[str, Measurement] | None, ceilings: Ceilings | None) -> _Value:
    name, other = baseline or (None, None)
    assert record.measurement is not None
    try:
        number = metric.value(record.case, record.measurement, other, ceilings)
    except ArithmeticError:
        number = None
    return _Value(number if number is None or math.isfinite(number) else None, name)


def _summary(rounds: Sequence[Sequence[_Value]], metrics: Sequence[Metric]) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for metric, values in zip(metrics, zip(*rounds, strict=True), strict=True):
        numbers = [value.number for value in values if value.number is not None]
        if numbers:
            summed = (median(numbers), min(numbers), max(numbers), _names(value.against for value in values))
            row.update(zip(_columns(metric), summed, strict=True))
    return row


def _names(names: Iterator[str | None]) -> str:
    """The baselines of all rounds, the most frequent first: the fastest kernel of one round need not be that of the next."""
    return ", ".join(name for name, _ in Counter(name for name in names if name).most_common())


def _unmeasured_rows(run: Run, source: Source) -> Iterator[dict[str, Any]]:
    seen: dict[tuple[Case, str, str], list[int]] = defaultdict(list)
    for start, records in run.rounds:
        for record in records:
            if record.reason is not None:
                seen[record.case, record.status, record.reason].append(start.index)
    for (case, status, reason), rounds in seen.items():
        beyond = {"status": status, "reason": reason, "rounds": ", ".join(map(str, sorted({*rounds})))}
        yield _identity(case, source) | beyond


def _identity(case: Case, source: Source) -> dict[str, Any]:
    composed = _COMPOSED.fullmatch(case.kernel)
    selection, base = composed.groups() if composed else (None, None)
    parts = {"selection": selection, "base": base, "cached": bool(selection and selection.startswith("cached_"))}
    return {"file": source.name, "machine": source.machine} | msgspec.structs.asdict(case) | {"graph": case.graph_as_run} | parts


def _escaped(frame: pd.DataFrame) -> pd.DataFrame:
    copy = frame.copy()
    for column in copy.columns:
        # Object columns have names and None; numbers cannot carry markup.
        if not _is_number(copy[column]):
            copy[column] = [escape(value, quote=False) if isinstance(value, str) else value for value in copy[column]]
    return copy


def _is_number(column: pd.Series) -> bool:
    from pandas.api.types import is_numeric_dtype

    return bool(is_numeric_dtype(column))
