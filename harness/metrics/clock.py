"""Clock of the GPU's multiprocessors while the case ran."""

from statistics import median

from rsc_bench.harness.metrics import Metric
from rsc_bench.harness.record import Measurement


def _clock(measurement: Measurement, _: Measurement | None) -> float | None:
    told = measurement.telemetry
    readings = told and [reading for part in ("sample", "energy") for reading in told.since(part, "sm_clock_mhz")]
    return median(readings) if readings else None


METRIC = Metric(
    name="SM clock",
    unit="MHz",
    better="higher",
    says="Median clock of the GPU's multiprocessors while the case ran.",
    of=_clock,
)
