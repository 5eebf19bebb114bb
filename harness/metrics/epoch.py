"""Time of one epoch of a training."""

from statistics import fmean

from rsc_bench.harness.metrics import Metric

METRIC = Metric(
    name="epoch",
    unit="ms",
    better="lower",
    says="Mean time of one epoch, evaluation left out: epochs that select and epochs that are exact count as often as they come.",
    of=lambda measurement, _: 1e3 * fmean(measurement.epoch_s) if measurement.epoch_s else None,
)
