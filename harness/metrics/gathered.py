"""Bytes that a multiply moves where nothing is reused."""

from harness import traffic
from harness.ceilings import Ceilings
from harness.metrics import Metric
from harness.record import Case, Measurement


def _size(case: Case, measurement: Measurement, _: Ceilings | None) -> float | None:
    did = traffic.of(case, measurement)
    return None if did is None else did.gathered_bytes / 1e6


METRIC = Metric(
    name="gathered",
    unit="MB",
    better="lower",
    says="A row of the dense operand for each multiplied non-zero.",
    within=_size,
)
