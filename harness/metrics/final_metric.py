"""What a trained model is worth: its test metric at the epoch that validation would have picked."""

from rsc_bench.harness.metrics import Metric
from rsc_bench.harness.record import Measurement


def final_metric(measurement: Measurement, _: Measurement | None = None) -> float | None:
    """Return the test metric, in points of 100, at the first epoch with the best validation metric; None but for a training."""
    validation, test = measurement.val_metric or [], measurement.test_metric or []
    if not validation or len(validation) != len(test):
        return None
    return 100 * test[validation.index(max(validation))]


METRIC = Metric(
    name="test metric",
    unit="points",
    better="higher",
    says="Accuracy, micro-F1 or ROC-AUC on the test nodes, at the epoch with the best metric on the validation nodes.",
    of=final_metric,
)
