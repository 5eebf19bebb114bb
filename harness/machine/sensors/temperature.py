"""Temperature of the chip."""

from __future__ import annotations

from rsc_bench.harness.machine.sensors import Sensor

CORE_TEMPERATURE = 0  # nvml.h

SENSOR = Sensor(
    "temperature",
    ("temperature_c",),
    lambda gpu: (int(gpu.ask("Temperature", CORE_TEMPERATURE)),),
    summary="Temperature of the chip in degrees Celsius.",
)
