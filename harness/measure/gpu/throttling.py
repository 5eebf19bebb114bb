"""Marks the samples that a slowed GPU spoilt, and repeats them; none is dropped."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter

from rsc_bench.harness.machine.nvml import NvmlError
from rsc_bench.harness.measure.sampling import Limits, sample
from rsc_bench.harness.records.gpu_trace import ANY_THROTTLE

MOST_REPEATS = 20
"""Samples that are taken again at most: a GPU at its power limit stays there."""


class Marked:
    """Takes samples, and notes which of them were taken while the GPU was slowed down."""

    def __init__(self, take: Callable[[], float], reasons: Callable[[], int]) -> None:
        """Read the reasons once before the first sample; `reasons` returns NVML's bit mask, or raises `NvmlError`."""
        self._take, self._reasons = take, reasons
        self.count = 0
        self.throttled: list[int] = []
        """Places of the spoilt samples, in order."""
        self.failure: str | None = None
        """Why the reasons could not be read, from some sample on."""
        self._before = self._read()

    def __call__(self) -> float:
        """Return a sample: spoilt where the GPU was slowed down just before it or just after."""
        time_s = self._take()
        after = self._read()
        if self._before or after:
            self.throttled.append(self.count)
        self._before = after
        self.count += 1
        return time_s

    def _read(self) -> bool:
        if self.failure is not None:
            return False
        try:
            return bool(self._reasons() & ANY_THROTTLE)
        except NvmlError as error:
            self.failure = str(error)
            return False


def repeated(marked: Marked, limits: Limits) -> tuple[list[float], str]:
    """Return the samples in order, the spoilt ones and what they were repeated by included, and why sampling stopped.

    As many are added as are spoilt, until enough are sound, `MOST_REPEATS` were made or the time of `limits` has passed again.
    """
    times_s, stop = sample(marked, limits)
    wanted, end = len(times_s), perf_counter() + limits.time_s
    while len(times_s) - len(marked.throttled) < wanted and len(times_s) < wanted + MOST_REPEATS and perf_counter() < end:
        times_s.append(marked())
    return times_s, stop
