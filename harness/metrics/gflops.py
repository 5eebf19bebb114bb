"""Arithmetic that a multiply gets done."""

from rsc_bench.harness import traffic
from rsc_bench.harness.ceilings import Ceilings
from rsc_bench.harness.metrics import Metric
from rsc_bench.harness.record import Case, Measurement


def _rate(case: Case, measurement: Measurement, _: Ceilings | None) -> float | None:
    did = traffic.of(case, measurement)
    return None if did is None else did.flops / did.seconds / 1e9


METRIC = Metric(
    name="arithmetic",
    unit="GFLOP/s",
    better="higher",
    says="Two FLOPs for each multiplied non-zero and column, over the time of the multiply alone.",
    within=_rate,
)
