"""How near a multiply comes to what a copy reaches."""

from rsc_bench.harness import traffic
from rsc_bench.harness.ceilings import Ceilings
from rsc_bench.harness.metrics import Metric
from rsc_bench.harness.record import Case, Measurement


def _share(case: Case, measurement: Measurement, ceilings: Ceilings | None) -> float | None:
    did = traffic.of(case, measurement)
    if did is None or did.compulsory_bytes is None or ceilings is None or ceilings.device != case.device:
        return None
    ceiling = ceilings.copy()
    return None if ceiling is None else 100 * did.compulsory_bytes / did.seconds / ceiling


METRIC = Metric(
    name="share of copy",
    unit="%",
    better="higher",
    says="Bandwidth as a share of what a large copy reached on this device in this run; above 100 % caches kept the operands.",
    within=_share,
)
