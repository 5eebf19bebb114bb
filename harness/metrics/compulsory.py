"""Bytes that a multiply has to move however clever it is."""

from rsc_bench.harness import traffic
from rsc_bench.harness.ceilings import Ceilings
from rsc_bench.harness.metrics import Metric
from rsc_bench.harness.record import Case, Measurement


def _size(case: Case, measurement: Measurement, _: Ceilings | None) -> float | None:
    did = traffic.of(case, measurement)
    return None if did is None or did.compulsory_bytes is None else did.compulsory_bytes / 1e6


METRIC = Metric(
    name="compulsory",
    unit="MB",
    better="lower",
    says="The sparse matrix, the rows of the dense operand that it needs and the result, each moved once.",
    within=_size,
)
