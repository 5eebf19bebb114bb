"""What can be worked out from a measurement; one metric a file, computed when reading, never stored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from rsc_bench.harness.ceilings import Ceilings
from rsc_bench.harness.record import Case, Measurement


def absent(measurement: Measurement, baseline: Measurement | None) -> None:
    """Return None: the number needs more than a measurement and its baseline."""
    del measurement, baseline


@dataclass(frozen=True)
class Metric:
    """A number with its unit, its direction and one sentence: table headers and axes are made from it."""

    name: str
    unit: str
    """Unit as printed, ``""`` for a pure number."""
    better: Literal["higher", "lower"]
    says: str
    """One sentence for a reader who sees the number for the first time."""
    of: Callable[[Measurement, Measurement | None], float | None] = absent
    """From a measurement and its baseline of the same round to the value; None where it is absent."""
    within: Callable[[Case, Measurement, Ceilings | None], float | None] | None = None
    """In place of `of`, for a number that needs the case or what the device can reach; None: `of` says it."""
    against: tuple[str, ...] | None = None
    """Kernels that serve as baseline, the fastest of those measured; None: the fastest exact kernel of the same operation."""

    def value(self, case: Case, measurement: Measurement, baseline: Measurement | None, ceilings: Ceilings | None) -> float | None:
        """Return the number for a measured case; None where it is absent."""
        return self.of(measurement, baseline) if self.within is None else self.within(case, measurement, ceilings)

    @property
    def label(self) -> str:
        """Name, unit and an arrow that points to better."""
        unit = f" [{self.unit}]" if self.unit else ""
        return f"{self.name}{unit} {'↑' if self.better == 'higher' else '↓'}"


def speedup_of(measurement: Measurement, baseline: Measurement | None) -> float | None:
    """Return how many times as fast as its baseline a measurement is, by the fastest samples of the round; None without one.

    What else runs on a machine only ever adds time. In a study of identical code on a noisy machine the median over rounds of
    each round's fastest call repeated best (DESIGN, rule 8); `compare` judges by the same number. Both sides get the same number
    of chances: a fast kernel has more samples in the same time, and the fastest of many is faster than the fastest of few.
    """
    if baseline is None:
        return None
    chances = min(len(baseline.times_s), len(measurement.times_s))
    return min(baseline.times_s[:chances]) / min(measurement.times_s[:chances])
