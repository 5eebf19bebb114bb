"""What sampling costs a trained model: the points of test metric that it lies below exact training."""

from rsc_bench.harness.metrics import Metric
from rsc_bench.harness.metrics.final_metric import final_metric
from rsc_bench.harness.record import Measurement


def _drop(measurement: Measurement, baseline: Measurement | None) -> float | None:
    own, exact = final_metric(measurement), None if baseline is None else final_metric(baseline)
    return None if own is None or exact is None else exact - own


METRIC = Metric(
    name="metric drop",
    unit="points",
    better="lower",
    says="Test metric of exact training less that of this one, for the same seed and epochs; below 0 it is the better one.",
    of=_drop,
)
