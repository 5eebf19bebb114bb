"""Time of the multiply alone, over a held selection."""

from rsc_bench.harness.metrics import Metric

METRIC = Metric(
    name="multiply",
    unit="ms",
    better="lower",
    says="Time of the multiply alone, with the selection already made.",
    of=lambda measurement, _: None if measurement.epoch_s else 1e3 * min(measurement.multiply_s or measurement.times_s),
)
