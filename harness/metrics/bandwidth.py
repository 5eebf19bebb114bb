"""Rate at which the bytes that have to move did move."""

from rsc_bench.harness import traffic
from rsc_bench.harness.ceilings import Ceilings
from rsc_bench.harness.metrics import Metric
from rsc_bench.harness.record import Case, Measurement


def _rate(case: Case, measurement: Measurement, _: Ceilings | None) -> float | None:
    did = traffic.of(case, measurement)
    return None if did is None or did.compulsory_bytes is None else did.compulsory_bytes / did.seconds / 1e9


METRIC = Metric(
    name="bandwidth",
    unit="GB/s",
    better="higher",
    says="Compulsory bytes over the time of the multiply alone.",
    within=_rate,
)
