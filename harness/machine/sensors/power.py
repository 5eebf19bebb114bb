"""Power of the board."""

from __future__ import annotations

from rsc_bench.harness.machine.sensors import Sensor

SENSOR = Sensor("power", ("power_w",), lambda gpu: (gpu.ask("PowerUsage") / 1e3,), summary="Power of the board in watts.")
