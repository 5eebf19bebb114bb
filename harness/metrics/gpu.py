"""Conditions on the GPU while a case ran: power, clock, temperature, throttling, cold cache, memory."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from rsc_bench.harness.metrics import Metric
from rsc_bench.harness.records.gpu_trace import GpuTrace
from rsc_bench.harness.records.measurement import Measurement, coldness


def _trace(measurement: Measurement) -> GpuTrace | None:
    return measurement.gpu.trace if measurement.gpu else None


def _readings(measurement: Measurement, column: str) -> list[float]:
    """Every reading of a column, from before the case to after it."""
    trace = _trace(measurement)
    readings = (trace.column(column) if trace else None) or ()
    return [reading for reading in readings if reading is not None]


def _while_running(measurement: Measurement, column: str, parts: Sequence[str]) -> list[float]:
    trace = _trace(measurement)
    return [reading for part in parts for reading in trace.since(part, column)] if trace else []


def _power(measurement: Measurement, _: Measurement | None) -> float | None:
    # The pass for energy lasts longest: some GPUs give the mean of the last second, in which a short case is lost.
    readings = _while_running(measurement, "power_w", ["energy"]) or _while_running(measurement, "power_w", ["sample"])
    return median(readings) if readings else None


def _clock(measurement: Measurement, _: Measurement | None) -> float | None:
    readings = _while_running(measurement, "sm_clock_mhz", ["sample", "energy"])
    return median(readings) if readings else None


def _temperature(measurement: Measurement, _: Measurement | None) -> float | None:
    return max(_readings(measurement, "temperature_c"), default=None)


def _used(measurement: Measurement, _: Measurement | None) -> float | None:
    readings = _readings(measurement, "used_bytes")
    return max(readings) / 1e6 if readings else None


def _throttled(measurement: Measurement, _: Measurement | None) -> float | None:
    spoilt = measurement.gpu.throttled if measurement.gpu else None
    return None if spoilt is None else 100 * len(spoilt) / len(measurement.timing.times_s)


def _cold(measurement: Measurement, _: Measurement | None) -> float | None:
    probe_s = measurement.timing.flush_probe_s
    share = coldness(probe_s) if probe_s else None
    return None if share is None else 100 * share


METRICS = (
    Metric(
        name="power",
        unit="W",
        better="lower",
        summary="Median power of the GPU's board while the case ran, idle power included.",
        compute=_power,
    ),
    Metric(
        name="SM clock",
        unit="MHz",
        better="higher",
        summary="Median clock of the GPU's multiprocessors while the case ran.",
        compute=_clock,
    ),
    Metric(
        name="temperature",
        unit="°C",
        better="lower",
        summary="Highest temperature of the GPU around the case.",
        compute=_temperature,
    ),
    Metric(
        name="throttled",
        unit="%",
        better="lower",
        summary="Samples taken while power, heat or the board's limits slowed the GPU down; they are kept, and were repeated.",
        compute=_throttled,
    ),
    Metric(
        name="cold",
        unit="%",
        better="higher",
        summary="How far a read after the flush of the L2 is on the way from one out of the cache (0) to one from memory (100).",
        compute=_cold,
    ),
    Metric(
        name="GPU memory",
        unit="MB",
        better="lower",
        summary="Highest memory of the GPU in use around the case as NVML sees it: "
        "the library, its context and other processes included.",
        compute=_used,
    ),
)
