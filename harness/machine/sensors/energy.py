"""The energy counter."""

from __future__ import annotations

from rsc_bench.harness.machine.nvml import Gpu
from rsc_bench.harness.machine.sensors import Sensor


def energy_j(gpu: Gpu) -> float:
    """Return the energy counter in joules; raises `NvmlError`, on GPUs before Volta among others."""
    return float(gpu.ask("TotalEnergyConsumption")) / 1e3


SENSOR = Sensor(
    "energy", ("energy_j",), lambda gpu: (energy_j(gpu),), summary="The energy counter in joules, since the driver was loaded."
)
