"""Watches one case beside its clock: memory of its device and, on a GPU, its sensors, throttled samples and energy."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Protocol

import msgspec

from rsc_bench.harness.machine import nvml
from rsc_bench.harness.machine.sensors.memory import others
from rsc_bench.harness.machine.sensors.throttling import throttle_reasons
from rsc_bench.harness.measure.gpu import energy
from rsc_bench.harness.measure.gpu.throttling import Marked, repeated
from rsc_bench.harness.measure.gpu.trace import PERIOD_S, TraceRecorder
from rsc_bench.harness.measure.memory import device as device_memory
from rsc_bench.harness.measure.sampling import Limits, sample
from rsc_bench.harness.records.case import Case
from rsc_bench.harness.records.gpu_trace import Energy
from rsc_bench.harness.records.measurement import GpuReadings


class Watch(Protocol):
    """What `rsc_bench.harness.measure.attempt` says of a case while it runs, and the readings that come of it."""

    memory: device_memory.Memory

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
        """Return what the GPU's sensors said, None on a CPU, and watch no longer."""
        ...


class NotWatched:
    """A case on a CPU, which has no such sensors, or on a GPU that NVML cannot be asked about."""

    def __init__(self, memory: device_memory.Memory, reason: str | None = None) -> None:
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


@dataclass
class Sensors:
    """The GPU of a device, and what is known of it once a process."""

    gpu: nvml.Gpu
    idle_w: float | None
    """Power while nothing runs."""
    idle_missing: str | None = None
    """Why that is not known."""
    energy_elsewhere: dict[Case, str] = field(default_factory=dict)
    """Cases, their clock left out, that had their pass for energy, and why the records to come have none."""


class GpuWatch:
    """A case on a GPU that NVML answers for."""

    def __init__(self, case: Case, sensors: Sensors, memory: device_memory.Memory, period_s: float) -> None:
        self.memory = memory
        self._sensors, self._gpu = sensors, sensors.gpu
        self._energy: Energy | None = None
        self._no_energy = self._why_no_energy(case)
        self._key, self._clock = _without_clock(case), case.clock
        self._marked: Marked | None = None
        self._recorder = TraceRecorder(self._gpu, period_s)

    def mark(self, part: str) -> None:
        """Note that a part of the case begins."""
        self._recorder.mark(part)

    def sampled(self, take: Callable[[], float], limits: Limits) -> tuple[list[float], str]:
        """Return samples in order, those that were repeated for throttling included, and why sampling stopped."""
        self._marked = Marked(take, lambda: throttle_reasons(self._gpu))
        return repeated(self._marked, limits)

    def measure_energy(self, calls: Callable[[], int]) -> None:
        """Make calls for some seconds, once a process for each case whatever its clock."""
        idle_w = self._sensors.idle_w
        if self._no_energy is not None or idle_w is None:
            return
        self.mark("energy")
        try:
            self._energy = energy.observe(self._gpu, calls, idle_w)
        except energy.EnergyError as error:
            self._no_energy = str(error)
        # A pass that came to nothing is not made again: it would cost each record its seconds.
        where = f"measured once a session for all clocks and rounds (under {self._clock})"
        self._sensors.energy_elsewhere[self._key] = self._no_energy or where

    def readings(self) -> GpuReadings:
        """Return what the sensors said, and take no more readings."""
        found, marked = self._recorder.end(), self._marked
        return GpuReadings(
            trace=found if found.offset_s else None,
            trace_missing=None if found.offset_s else found.ended or "NVML gave no reading",
            throttled=None if marked is None or marked.failure is not None else marked.throttled,
            energy=self._energy,
            energy_missing=None if self._energy else self._no_energy,
            shared_with=self._others() or None,
        )

    def close(self) -> None:
        """End the trace of a case that came to nothing."""
        self._recorder.end()

    def _why_no_energy(self, case: Case) -> str | None:
        if self._sensors.idle_w is None:
            return self._sensors.idle_missing
        if case.model is not None:
            return "a training is not repeated for it: its trace has the counter"
        return self._sensors.energy_elsewhere.get(_without_clock(case))

    def _others(self) -> list[str]:
        with contextlib.suppress(nvml.NvmlError):
            return [str(process) for process in others(self._gpu.processes())]
        return []


@contextlib.contextmanager
def watched(case: Case, period_s: float = PERIOD_S) -> Iterator[Watch]:
    """Watch a case on its device for as long as the block runs; on a CPU that costs nothing and adds nothing."""
    memory, on_gpu = device_memory.memory_of(case.device), case.device.startswith("cuda")
    if on_gpu:
        _let_go(case.device, memory)
    sensors = _sensors(case.device) if on_gpu else None
    if not isinstance(sensors, Sensors):
        yield NotWatched(memory, sensors)
        return
    watch = GpuWatch(case, sensors, memory, period_s)
    try:
        yield watch
    finally:
        watch.close()


_held: dict[str, int] = {}
"""Bytes that were held on a device when the last case began."""


def _let_go(device: str, memory: device_memory.Memory) -> None:
    """Collect reference cycles where more is held than when the last case began: their memory would go at some moment of this one.

    Only there, because looking through all that a process holds takes a quarter of a second.
    """
    if (memory.resident() or 0) > _held.get(device, 0):
        gc.collect()
    _held[device] = memory.resident() or 0


@cache
def _sensors(device: str) -> Sensors | str:
    """The sensors of a device, or the reason; kept, because idle power can only be read before the first case."""
    import torch

    if not torch.cuda.is_available():
        return "torch sees no CUDA device"
    torch.cuda.synchronize(device)  # an open context costs power too, whatever runs
    uuid = getattr(torch.cuda.get_device_properties(device), "uuid", None)
    if uuid is None:
        return f"torch {torch.__version__} does not tell the GPU's UUID, by which NVML finds it"
    try:
        gpu = nvml.find(str(uuid))
    except nvml.NvmlError as error:
        return str(error)
    try:
        return Sensors(gpu, energy.idle_w(gpu))
    except energy.EnergyError as error:
        return Sensors(gpu, None, str(error))


def _without_clock(case: Case) -> Case:
    return msgspec.structs.replace(case, clock="")
