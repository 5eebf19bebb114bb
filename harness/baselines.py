"""Finds, among the records of one round, the measurement that a metric is quoted against."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import msgspec
from rsc_bench.harness.metrics import Metric
from rsc_bench.harness.record import Case, Measurement, Record


class Baselines:
    """The exact kernels of one round, by the operation they compute."""

    def __init__(self, records: Iterable[Record]) -> None:
        self._exact: dict[Case, list[tuple[str, Measurement]]] = defaultdict(list)
        for record in records:
            if record.measurement is not None and record.case.budget is None:
                self._exact[_operation(record.case)].append((record.case.kernel, record.measurement))

    def of(self, metric: Metric, case: Case) -> tuple[str, Measurement] | None:
        """Return name and measurement of the kernel that `metric` is quoted against for `case`, or None."""
        exact = self._exact.get(_operation(case), [])
        named = [entry for entry in exact if metric.against is None or entry[0] in metric.against]
        return min(named, key=lambda entry: min(entry[1].times_s), default=None)


def _operation(case: Case) -> Case:
    """The case with everything taken out in which a kernel and its baseline may differ."""
    return msgspec.structs.replace(case, suite="", kernel="", budget=None, variant=None)
