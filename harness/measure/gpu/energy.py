"""Turns repeated calls into readings of a GPU's energy counter, in a pass of their own that is long enough for it to step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter, sleep

from rsc_bench.harness.machine.nvml import Gpu, NvmlError
from rsc_bench.harness.machine.sensors.energy import energy_j
from rsc_bench.harness.measure.gpu.polling import Poller
from rsc_bench.harness.records.gpu_trace import Energy

_POLL_S = 0.004
_BURST_S = 0.05


@dataclass(frozen=True)
class EnergyPass:
    """How long the energy counter is watched, so that it steps often enough."""

    seconds: float = 2.0
    """Of calls, or of doing nothing, at least."""
    fewest_steps: int = 10
    """Steps of the counter below which a pass is no measurement; it steps every 20 to 100 ms."""
    settle_s: float = 1.0
    """Seconds of doing nothing before idle power is read: the clocks of a GPU that just worked stay up for a while."""


USUAL = EnergyPass()


class EnergyError(Exception):
    """The counter cannot be used; the message is the reason."""


class _Steps:
    """Watches the counter and notes each step that it takes."""

    def __init__(self, gpu: Gpu, fewest: int) -> None:
        self._gpu, self._fewest = gpu, fewest
        self.step_s: list[float] = []
        self.counter_j: list[float] = []
        self._failure: str | None = None

    def during(self, work: Callable[[], int]) -> tuple[int, float]:
        """Return what `work` returns and the seconds it took, having watched meanwhile; raises `EnergyError`."""
        self._first = self._last = _read(self._gpu)
        self._start = perf_counter()
        poller = Poller(self._read, _POLL_S)
        poller.start()
        try:
            calls = work()
            pass_s = perf_counter() - self._start
        finally:
            answered = poller.stop()
        self._check(pass_s, answered)
        return calls, pass_s

    def mean_w(self) -> float:
        """Return the mean power from the first step to the last: both ends lie on the counter's own clock."""
        return (self.counter_j[-1] - self.counter_j[0]) / (self.step_s[-1] - self.step_s[0])

    def _read(self) -> bool:
        try:
            now_j = energy_j(self._gpu)
        except NvmlError as error:
            self._failure = str(error)
            return False
        if now_j != self._last:
            self._last = now_j
            self.step_s.append(perf_counter() - self._start)
            self.counter_j.append(now_j - self._first)
        return True

    def _check(self, pass_s: float, answered: bool) -> None:
        if self._failure or not answered:
            raise EnergyError(f"the energy counter was lost half-way: {self._failure or 'NVML does not answer'}")
        if any(later < earlier for earlier, later in zip([0.0, *self.counter_j], self.counter_j, strict=False)):
            raise EnergyError("the energy counter went back, so it began anew in the middle of the pass")
        if len(self.step_s) < self._fewest:
            seen = f"{len(self.step_s)} times in {pass_s:.2g} s"
            raise EnergyError(f"the energy counter must step at least {self._fewest} times in a pass (it did {seen})")


def idle_w(gpu: Gpu, plan: EnergyPass = USUAL) -> float:
    """Return the power in watts while nothing runs; raises `EnergyError` with the reason where it cannot be read."""
    _read(gpu)  # a GPU without a counter is not waited for
    sleep(plan.settle_s)
    steps = _Steps(gpu, plan.fewest_steps)
    steps.during(lambda: _wait(plan.seconds))
    return steps.mean_w()


def observe(gpu: Gpu, calls: Callable[[], int], idle_power_w: float, plan: EnergyPass = USUAL) -> Energy:
    """Return the counter's steps during a pass of calls; raises `EnergyError` with the reason.

    Args:
        gpu: whose counter it is.
        calls: makes some calls, waits for the device and returns how many they were.
        idle_power_w: power while nothing runs.
        plan: how long the pass is.
    """
    steps = _Steps(gpu, plan.fewest_steps)
    made, pass_s = steps.during(lambda: _repeat(calls, plan.seconds))
    return Energy(step_s=steps.step_s, counter_j=steps.counter_j, calls=made, pass_s=pass_s, idle_w=idle_power_w)


def bursts(
    period: Callable[[], object], calls: int, synchronise: Callable[[], None], now: Callable[[], float] = perf_counter
) -> Callable[[], int]:
    """Return what makes some 50 ms of calls at a time: waiting after each would have the GPU idle between them.

    Args:
        period: makes the calls that belong together.
        calls: how many these are.
        synchronise: waits for the device.
        now: the time in seconds.
    """
    size = 1

    def burst() -> int:
        nonlocal size
        start, made = now(), size
        for _ in range(made):
            period()
        synchronise()
        elapsed = now() - start
        size = max(1, min(2 * made, int(made * _BURST_S / elapsed))) if elapsed > 0 else 2 * made
        return made * calls

    return burst


def _wait(seconds: float) -> int:
    sleep(seconds)
    return 0


def _repeat(calls: Callable[[], int], seconds: float) -> int:
    made, end = 0, perf_counter() + seconds
    while perf_counter() < end:
        made += calls()
    return made


def _read(gpu: Gpu) -> float:
    try:
        return energy_j(gpu)
    except NvmlError as error:
        raise EnergyError(f"the energy counter cannot be read: {error}") from None
