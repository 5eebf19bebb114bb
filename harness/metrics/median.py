"""Median time of one call, selecting included: what a call takes when the machine is as busy as it was."""

from statistics import median

from rsc_bench.harness.metrics import Metric

METRIC = Metric(
    name="median",
    unit="ms",
    better="lower",
    says="Median time of one call in the round: far above the latency where something else ran beside it.",
    of=lambda measurement, _: None if measurement.epoch_s else 1e3 * median(measurement.times_s),
)
