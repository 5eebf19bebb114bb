"""The metrics: numbers computed from a measurement when it is read, and never stored; one a file, or one family."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass
from numbers import Real
from operator import itemgetter
from typing import Literal

import msgspec

from rsc_bench.fields import Plugin
from rsc_bench.harness.records.case import FLOAT32, HARNESS, Case
from rsc_bench.harness.records.ceilings import Ceilings
from rsc_bench.harness.records.measurement import Measurement
from rsc_bench.harness.records.run import Record, Records

Direction = Literal["higher", "lower"]


def absent(measurement: Measurement, baseline: Measurement | None) -> None:
    """Return None: the number needs more than a measurement and its baseline."""
    del measurement, baseline


def call_s(measurement: Measurement) -> float:
    """Return the seconds of the fastest call of a round: what makes an exact kernel the usual baseline."""
    return measurement.timing.fastest_s


@dataclass(frozen=True)
class Metric(Plugin):
    """A number with its unit, its direction and one sentence: table headers and axes are made from it.

    Raises ``ValueError`` for a value that would not be understood later, and for a metric that would never have a value.
    """

    name: str
    unit: str
    """Unit as printed, ``""`` for a pure number."""
    better: Direction
    summary: str
    """One sentence for a reader who sees the number for the first time."""
    compute: Callable[[Measurement, Measurement | None], float | None] = absent
    """From a measurement and its baseline of the same round to the value; None where it is absent."""
    within: Callable[[Case, Measurement, Ceilings | None], float | None] | None = None
    """In place of `compute`, for a number that needs the case or what the device can reach; None: `compute` gives it."""
    against: tuple[str, ...] | None = None
    """Kernels that serve as baseline, the fastest of those measured; None: the fastest exact kernel of the same operation, of the
    same class of precision."""
    against_float32: bool = False
    """Whether the baseline is the exact kernel that stores and computes in float32, whatever the case does; a case that does so
    itself has none."""
    fastest_by: Callable[[Measurement], float | None] = call_s
    """Seconds by which the fastest of them is chosen; None of a kernel that cannot serve."""
    can_be_never: bool = False
    """Whether an infinite value is one, shown as ``never`` and larger than all others; else it is absent."""
    why_absent: Callable[[Measurement, Measurement | None], str | None] = absent
    """Why `compute` gave None for a measurement and its baseline, to be said to a reader; None: it goes without saying."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if "=" in self.name:
            raise ValueError(f"metric {self.name!r}: its name must be without '=', behind which `--metric` has a margin")
        if (self.compute is absent) == (self.within is None):
            given = "neither" if self.within is None else "both"
            raise ValueError(f"metric {self.name!r}: must have compute, or within in its place (got {given})")

    def value(self, case: Case, measurement: Measurement, baseline: Measurement | None, ceilings: Ceilings | None) -> float | None:
        """Return the number for a measured case; None where it is absent, or beyond what a number can hold."""
        try:
            number = self.compute(measurement, baseline) if self.within is None else self.within(case, measurement, ceilings)
        except ArithmeticError:
            return None
        # Millions of them are absent or a float, and to be sure of the others takes 30 times as long.
        if number is None:
            return None
        if type(number) is not float:
            number = float(self.answer("compute" if self.within is None else "within", Real | None, number))
        return number if math.isfinite(number) or (self.can_be_never and number == math.inf) else None

    def why_not_known(self, measurement: Measurement, baseline: Measurement | None) -> str | None:
        """Return why there is no number for a measured case; None where that goes without saying."""
        reason: str | None = self.answer("why_absent", str | None, self.why_absent(measurement, baseline))
        return reason

    @property
    def label(self) -> str:
        """Name, unit and an arrow that points to better."""
        unit = f" [{self.unit}]" if self.unit else ""
        return f"{self.name}{unit} {'↑' if self.better == 'higher' else '↓'}"


def speedup_of(measurement: Measurement, baseline: Measurement | None) -> float | None:
    """Return how many times as fast as its baseline a measurement is, by the fastest samples of the round; None without one.

    What else runs on a machine only ever adds time. In a study of identical code on a noisy machine the median over rounds of
    each round's fastest call repeated best (docs/how-it-works/rule.md). Both sides get the same number of chances, their first
    samples: a fast kernel has more of them in the same time, and of more samples the fastest is faster. `compare`, and a latency
    beside the speedup, take the fastest of all.
    """
    if baseline is None:
        return None
    own_s, other_s = call_s_of_both(measurement, baseline)
    return other_s / own_s


def call_s_of_both(measurement: Measurement, baseline: Measurement) -> tuple[float, float]:
    """Return the seconds of the fastest call of a measurement and of its baseline, of as many first samples of each."""
    chances = min(len(baseline.timing.times_s), len(measurement.timing.times_s))
    return min(measurement.timing.times_s[:chances]), min(baseline.timing.times_s[:chances])


class Baselines:
    """The exact kernels of one round, by the operation they compute: what a metric is quoted against."""

    def __init__(self, records: Iterable[Record]) -> None:
        self._exact: dict[Case, list[tuple[str, Measurement]]] = defaultdict(list)
        for record in records:
            if record.measurement is not None and _may_be_a_baseline(record.case):
                self._exact[_operation(record.case)].append((record.case.kernel, record.measurement))

    def of(self, metric: Metric, case: Case) -> tuple[str, Measurement] | None:
        """Return name and measurement of the kernel that `metric` is quoted against for `case`, or None."""
        operation = _quoted(metric, case)
        exact = self._exact.get(operation, []) if operation else []
        named = [entry for entry in exact if metric.against is None or entry[0] in metric.against]
        timed = [(seconds, entry) for entry in named if (seconds := metric.fastest_by(entry[1])) is not None]
        return min(timed, key=itemgetter(0))[1] if timed else None


def round_baselines(run: Records, wrong: Container[Case] = ()) -> list[Baselines]:
    """Return the baselines of each round of a run; nothing is quoted against the cases that are `wrong`."""
    rounds: list[list[Record]] = []
    for _, record in run.entries():
        if record is None:
            rounds.append([])
        elif _may_be_a_baseline(record.case) and record.measurement is not None:
            rounds[-1].append(record)
    return [Baselines(record for record in records if record.case not in wrong) for records in rounds]


def _may_be_a_baseline(case: Case) -> bool:
    """Whether others may be quoted against it.

    They are not against a control, exact on other edges or in mini-batches, the harness, or a benchmark of another program that has
    nothing to do with the next one.
    """
    return case.is_exact and case.suite != HARNESS and case.compares


def _quoted(metric: Metric, case: Case) -> Case | None:
    """The operation of the baselines of a case; None where it has none.

    It is of their class itself, and the speedup says it all; or nothing is comparable with it.
    """
    if not case.compares:
        return None
    own = _operation(case)
    if not metric.against_float32:
        # Kernels that are named compute in what they store.
        return own if metric.against is None else msgspec.structs.replace(own, precision=None)
    wanted = msgspec.structs.replace(own, dtype=FLOAT32, precision=None)
    return None if wanted == own else wanted


def _operation(case: Case) -> Case:
    """The case with everything taken out in which a kernel and its baseline may differ."""
    return msgspec.structs.replace(case, suite=case.apart, kernel="", budget=None, variant=None)
