"""Median time of one call, selecting included."""

from statistics import median

from harness.metrics import Metric

METRIC = Metric(
    name="latency",
    unit="ms",
    better="lower",
    says="Median time of one call; a cached kernel pays for its selection once in every interval.",
    of=lambda measurement, _: 1e3 * median(measurement.times_s),
)
