"""Watches one case beside its clock: the memory of its device and, on a GPU, what the sensors report."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from rsc_bench.harness.machine.nvml import NvmlError
from rsc_bench.harness.measure.gpu import cuda, energy
from rsc_bench.harness.measure.gpu.trace import PERIOD_S
from rsc_bench.harness.measure.gpu.watch import GpuWatch, KnownGpu, known_gpu
from rsc_bench.harness.measure.memory.device import Memory, memory_of
from rsc_bench.harness.measure.sampling import Limits, sample
from rsc_bench.harness.records.case import Case
from rsc_bench.harness.records.measurement import GpuReadings


class Watch(Protocol):
    """Follows a case while it runs (`rsc_bench.harness.measure.attempt`), and gives the readings that come of it."""

    memory: Memory

    def mark(self, part: str) -> None:
        """Note that a part of the case begins."""
        ...

    def sampled(self, take: Callable[[], float], limits: Limits) -> tuple[list[float], str]:
        """Return samples in order, and why sampling stopped."""
        ...

    def measure_energy(self, calls: Callable[[], int]) -> None:
        """Make calls for the energy counter, where there is one."""
        ...

    def readings(self) -> GpuReadings | None:
        """Return what the GPU's sensors reported, None on a CPU, and watch no longer."""
        ...


class NotWatched:
    """A case on a CPU, which has no such sensors, or on a GPU that NVML cannot be asked about."""

    def __init__(self, memory: Memory, reason: str | None = None) -> None:
        self.memory, self._reason = memory, reason

    def mark(self, part: str) -> None:
        """Do nothing."""

    def sampled(self, take: Callable[[], float], limits: Limits) -> tuple[list[float], str]:
        """Return samples in order, and why sampling stopped."""
        return sample(take, limits)

    def measure_energy(self, calls: Callable[[], int]) -> None:
        """Do nothing."""

    def readings(self) -> GpuReadings | None:
        """Return the reason, on a GPU."""
        return None if self._reason is None else GpuReadings(trace_missing=self._reason, energy_missing=self._reason)


class Watcher:
    """Watches cases one after another, and keeps between them what is known of each GPU and of its memory."""

    def __init__(self, torch: Any = None, energy_pass: energy.EnergyPass = energy.USUAL) -> None:
        """Know nothing of any device yet.

        Args:
            torch: the module of that name; None: imported for the first case on a GPU.
            energy_pass: how long the energy counter of a GPU is watched.
        """
        self._torch, self._energy_pass = torch, energy_pass
        self._known: dict[str, KnownGpu | str] = {}
        self._bytes: dict[str, int] = {}
        """In use on a device when the last case began."""

    @contextlib.contextmanager
    def watched(self, case: Case, period_s: float = PERIOD_S) -> Iterator[Watch]:
        """Watch a case on its device for as long as the block runs; on a CPU that costs nothing and adds nothing."""
        if not case.device.startswith("cuda"):
            yield NotWatched(memory_of(case.device))
            return
        memory = memory_of(case.device, cuda.loaded(self._torch))
        self._let_go(case.device, memory)
        known = self._gpu(case.device)
        if isinstance(known, str):
            yield NotWatched(memory, known)
            return
        watch = GpuWatch(case, known, memory, period_s)
        try:
            yield watch
        finally:
            watch.close()

    def _let_go(self, device: str, memory: Memory) -> None:
        """Collect reference cycles where more is in use than when the last case began, or their memory would go during this one.

        Only there, because looking through all objects of a process takes a quarter of a second.
        """
        if (memory.resident() or 0) > self._bytes.get(device, 0):
            gc.collect()
        self._bytes[device] = memory.resident() or 0

    def _gpu(self, device: str) -> KnownGpu | str:
        """The GPU of a device, or the reason; kept, because idle power can only be read before the first case."""
        if device not in self._known:
            try:
                self._known[device] = known_gpu(device, cuda.loaded(self._torch), self._energy_pass)
            except NvmlError as error:
                self._known[device] = str(error)
        return self._known[device]


WATCHER = Watcher()
"""What watches the cases of this process."""


def watched(case: Case, period_s: float = PERIOD_S) -> contextlib.AbstractContextManager[Watch]:
    """Watch a case on its device, see `Watcher.watched`."""
    return WATCHER.watched(case, period_s)
