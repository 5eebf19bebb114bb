"""Bytes that a multiply moves where nothing is reused."""

from rsc_bench.harness import traffic
from rsc_bench.harness.ceilings import Ceilings
from rsc_bench.harness.metrics import Metric
from rsc_bench.harness.record import Case, Measurement


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
