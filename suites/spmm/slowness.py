"""Makes every call of a case take a known share longer, on its device: a regression whose size is known (``--slow-down``)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from rsc_bench.harness.measure.clocks import Clock, Timed
from rsc_bench.harness.measure.gpu import cuda
from rsc_bench.harness.measure.gpu.cuda import Gpu
from rsc_bench.harness.measure.timing import Stopwatch
from rsc_bench.harness.measure.work import Work

_TRIALS = 5


def slowed(work: Work, share: float, clock: Clock, gpu: Callable[[str], Gpu] = cuda.gpu) -> Work:
    """Return the work with each call `share` longer, 0.05 for 5 %; selecting and multiplying alone stay as they are.

    The time is really spent behind each call, where the clock sees it: noise meets the longer call, of which a factor on the
    samples would know nothing. `gpu` returns the GPU of a device.
    """
    if work.device == "cpu":
        return _SlowedOnHost(work, share)
    return _SlowedOnGpu(work, share, _call_s(work, clock), gpu(work.device))


def _call_s(work: Work, clock: Clock) -> float:
    """Seconds of a call on a GPU as its clock sees them, the selecting one's in it; whole periods, so that the next selects."""
    stopwatch = Stopwatch(clock, Timed(work, work.period, work.synchronise, work.device))
    return min(stopwatch() for _ in range(_TRIALS))  # the fastest: noise only ever adds time


@dataclass
class _SlowedOnHost:
    """Keeps the core busy behind each call for a share of what that call took."""

    work: Work
    share: float

    def __post_init__(self) -> None:
        self.period, self.device, self.tune_s = self.work.period, self.work.device, self.work.tune_s
        self.select, self.multiply = self.work.select, self.work.multiply
        self.check, self.result_bytes, self.synchronise = self.work.check, self.work.result_bytes, self.work.synchronise
        self.check_memory, self.check_kept = self.work.check_memory, self.work.check_kept
        self.check_operands, self.probe = self.work.check_operands, self.work.probe

    def __call__(self) -> Any:
        start = perf_counter()
        result = self.work()
        now = perf_counter()
        end = now + self.share * (now - start)
        while perf_counter() < end:
            pass
        return result


@dataclass
class _SlowedOnGpu(_SlowedOnHost):
    """Keeps the GPU busy behind each call for a share of what a call takes.

    The host does not know how long the call that it has just enqueued will take, so it goes by earlier ones.
    """

    call_s: float
    gpu: Gpu

    def __call__(self) -> Any:
        result = self.work()
        with self.gpu.current():
            self.gpu.spin(self.share * self.call_s)
        return result
