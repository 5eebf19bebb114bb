"""Time of a whole training."""

from rsc_bench.harness.metrics import Metric

METRIC = Metric(
    name="training",
    unit="s",
    better="lower",
    says="Time of the whole training, evaluation left out.",
    of=lambda measurement, _: min(measurement.times_s) if measurement.epoch_s else None,
)
