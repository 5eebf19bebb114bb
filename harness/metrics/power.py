"""Power of the GPU while the case ran."""

from statistics import median

from rsc_bench.harness.metrics import Metric
from rsc_bench.harness.record import Measurement


def _power(measurement: Measurement, _: Measurement | None) -> float | None:
    told = measurement.telemetry
    # The pass for energy lasts longest: some GPUs tell the mean of the last second, in which a short case is lost.
    readings = told and (told.since("energy", "power_w") or told.since("sample", "power_w"))
    return median(readings) if readings else None


METRIC = Metric(
    name="power",
    unit="W",
    better="lower",
    says="Median power of the GPU's board while the case ran, idle power included.",
    of=_power,
)
