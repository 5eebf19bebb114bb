"""Times of one call, and of what is paid beside it."""

from __future__ import annotations

from statistics import median

from rsc_bench.harness.metrics import Metric
from rsc_bench.harness.records.measurement import Measurement


def _of_a_call(measurement: Measurement, seconds: float) -> float | None:
    """Milliseconds of one call; None for a training, which is no call."""
    return None if measurement.training else 1e3 * seconds


METRICS = (
    Metric(
        name="latency",
        unit="ms",
        better="lower",
        summary="Fastest call of the round; a cached kernel pays for its selection once in every interval.",
        compute=lambda measurement, _: _of_a_call(measurement, measurement.timing.fastest_s),
    ),
    Metric(
        name="median",
        unit="ms",
        better="lower",
        summary="Median time of one call in the round: far above the latency where something else ran beside it.",
        compute=lambda measurement, _: _of_a_call(measurement, median(measurement.timing.times_s)),
    ),
    Metric(
        name="multiply",
        unit="ms",
        better="lower",
        summary="Time of the multiply alone, with the selection already made.",
        compute=lambda measurement, _: _of_a_call(measurement, min(measurement.timing.multiply_s or measurement.timing.times_s)),
    ),
    Metric(
        name="select",
        unit="ms",
        better="lower",
        summary="Fastest time of the round for choosing the column-row pairs and building the smaller matrix, once.",
        compute=lambda measurement, _: 1e3 * min(measurement.timing.select_s) if measurement.timing.select_s else None,
    ),
    Metric(
        name="prepare",
        unit="ms",
        better="lower",
        summary="Time to prepare the kernel for its matrix, paid once before the first call.",
        compute=lambda measurement, _: None if measurement.timing.prepare_s is None else 1e3 * measurement.timing.prepare_s,
    ),
    Metric(
        name="tune",
        unit="ms",
        better="lower",
        summary="Time to search for settings and compile, before preparing; "
        "what a process or a machine has found once takes next to none.",
        compute=lambda measurement, _: None if measurement.timing.tune_s is None else 1e3 * measurement.timing.tune_s,
    ),
    Metric(
        name="launch",
        unit="µs",
        better="lower",
        summary="Fastest time of the round for the host to enqueue one call on the GPU; it is not part of the latency.",
        compute=lambda measurement, _: 1e6 * min(measurement.timing.launch_s) if measurement.timing.launch_s else None,
    ),
)
