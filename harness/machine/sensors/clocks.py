"""Clocks of the multiprocessors and of the memory."""

from __future__ import annotations

from rsc_bench.harness.machine.sensors import Sensor

# nvml.h; as numbers, the library need not be imported to name them.
SM_CLOCK, MEMORY_CLOCK = 1, 2

SENSORS = (
    Sensor(
        "SM clock",
        ("sm_clock_mhz",),
        lambda gpu: (int(gpu.ask("ClockInfo", SM_CLOCK)),),
        summary="Clock of the multiprocessors in MHz.",
    ),
    Sensor(
        "memory clock",
        ("memory_clock_mhz",),
        lambda gpu: (int(gpu.ask("ClockInfo", MEMORY_CLOCK)),),
        summary="Clock of the memory in MHz.",
    ),
)
