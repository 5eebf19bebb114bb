"""Why the clock is what it is."""

from __future__ import annotations

from rsc_bench.harness.machine.nvml import Gpu, NvmlError
from rsc_bench.harness.machine.sensors import Sensor


def throttle_reasons(gpu: Gpu) -> int:
    """Return NVML's bit mask of the reasons for the present clock; raises `NvmlError`."""
    # The second is what libraries before 12.535 and drivers before 535 call it.
    try:
        return int(gpu.ask("CurrentClocksEventReasons"))
    except NvmlError:
        return int(gpu.ask("CurrentClocksThrottleReasons"))


SENSOR = Sensor(
    "throttle reasons",
    ("throttle_reasons",),
    lambda gpu: (throttle_reasons(gpu),),
    summary="Why the clock is what it is, as NVML's bit mask.",
)
