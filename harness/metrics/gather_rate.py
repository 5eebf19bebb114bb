"""Rate at which rows of the dense operand arrive at the non-zeros that need them."""

from rsc_bench.harness import traffic
from rsc_bench.harness.ceilings import Ceilings
from rsc_bench.harness.metrics import Metric
from rsc_bench.harness.record import Case, Measurement


def _rate(case: Case, measurement: Measurement, _: Ceilings | None) -> float | None:
    did = traffic.of(case, measurement)
    return None if did is None else did.gathered_bytes / did.seconds / 1e9


METRIC = Metric(
    name="gather rate",
    unit="GB/s",
    better="higher",
    says="Gathered bytes over the time of the multiply alone.",
    within=_rate,
)
