"""Watches one case on a GPU beside its clock: a trace of the sensors, throttled samples and energy."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from rsc_bench.harness.machine import nvml
from rsc_bench.harness.machine.sensors.memory import others
from rsc_bench.harness.machine.sensors.throttling import throttle_reasons
from rsc_bench.harness.measure.gpu import energy
from rsc_bench.harness.measure.gpu.energy import EnergyPass
from rsc_bench.harness.measure.gpu.throttling import Marked, repeated
from rsc_bench.harness.measure.gpu.trace import TraceRecorder
from rsc_bench.harness.measure.memory.device import Memory
from rsc_bench.harness.measure.sampling import Limits
from rsc_bench.harness.records.case import Case
from rsc_bench.harness.records.gpu_trace import Energy
from rsc_bench.harness.records.measurement import GpuReadings


@dataclass
class KnownGpu:
    """The GPU of a device, and what is known of it from its first case on."""

    gpu: nvml.Gpu
    energy_pass: EnergyPass
    idle_w: float | None
    """Power while nothing runs."""
    idle_missing: str | None = None
    """Why that is not known."""
    energy_elsewhere: dict[Case, str] = field(default_factory=dict)
    """Cases, their clock left out, that had their pass for energy, and why the records to come have none."""


def known_gpu(device: str, torch: Any, energy_pass: EnergyPass) -> KnownGpu:
    """Return the GPU of a device with its idle power; raises `NvmlError` with the reason where NVML cannot be asked about it.

    Args:
        device: ``cuda:0``.
        torch: the module of that name.
        energy_pass: how long the energy counter is watched.
    """
    gpu = _found(device, torch)
    try:
        return KnownGpu(gpu, energy_pass, energy.idle_w(gpu, energy_pass))
    except energy.EnergyError as error:
        return KnownGpu(gpu, energy_pass, None, str(error))


def _found(device: str, torch: Any) -> nvml.Gpu:
    if not torch.cuda.is_available():
        raise nvml.NvmlError("torch sees no CUDA device")
    torch.cuda.synchronize(device)  # an open context costs power too, whatever runs
    uuid = getattr(torch.cuda.get_device_properties(device), "uuid", None)
    if uuid is None:
        raise nvml.NvmlError(f"torch {torch.__version__} does not report the GPU's UUID, by which NVML finds it")
    return nvml.find(str(uuid))


class GpuWatch:
    """A case on a GPU that NVML answers for."""

    def __init__(self, case: Case, known: KnownGpu, memory: Memory, period_s: float) -> None:
        self.memory = memory
        self._known, self._gpu = known, known.gpu
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
        """Make calls for some seconds, once for each case whatever its clock."""
        idle_w = self._known.idle_w
        if self._no_energy is not None or idle_w is None:
            return
        self.mark("energy")
        try:
            self._energy = energy.observe(self._gpu, calls, idle_w, self._known.energy_pass)
        except energy.EnergyError as error:
            self._no_energy = str(error)
        # A pass that came to nothing is not made again: it would cost each record its seconds.
        where = f"measured once a session for all clocks and rounds (under {self._clock})"
        self._known.energy_elsewhere[self._key] = self._no_energy or where

    def readings(self) -> GpuReadings:
        """Return what the sensors reported, and take no more readings."""
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
        if self._known.idle_w is None:
            return self._known.idle_missing
        if case.model is not None:
            return "a training is not repeated for it: its trace has the counter"
        return self._known.energy_elsewhere.get(_without_clock(case))

    def _others(self) -> list[str]:
        with contextlib.suppress(nvml.NvmlError):
            return [str(process) for process in others(self._gpu.processes())]
        return []


def _without_clock(case: Case) -> Case:
    return msgspec.structs.replace(case, clock="")
