"""Shares of time in which the GPU computed, and moved memory."""

from __future__ import annotations

from rsc_bench.harness.machine.nvml import Gpu
from rsc_bench.harness.machine.sensors import Sensor


def _utilisation(gpu: Gpu) -> tuple[int, int]:
    rates = gpu.ask("UtilizationRates")
    return int(rates.gpu), int(rates.memory)


SENSOR = Sensor(
    "utilisation",
    ("gpu_percent", "memory_percent"),
    _utilisation,
    summary="Shares of time in which a kernel ran, and memory was moved, in percent.",
)
