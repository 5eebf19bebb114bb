"""Time of one call, selecting included."""

from rsc_bench.harness.metrics import Metric

METRIC = Metric(
    name="latency",
    unit="ms",
    better="lower",
    says="Fastest call of the round; a cached kernel pays for its selection once in every interval.",
    of=lambda measurement, _: None if measurement.epoch_s else 1e3 * min(measurement.times_s),
)
