"""How near a multiply comes to what gathering random rows reaches."""

from rsc_bench.harness import traffic
from rsc_bench.harness.ceilings import Ceilings
from rsc_bench.harness.metrics import Metric
from rsc_bench.harness.record import Case, Measurement


def _share(case: Case, measurement: Measurement, ceilings: Ceilings | None) -> float | None:
    did = traffic.of(case, measurement)
    if did is None or did.operand_bytes is None or ceilings is None or ceilings.device != case.device:
        return None
    ceiling = ceilings.gather(did.row_bytes, did.operand_bytes)
    return None if ceiling is None else 100 * did.gathered_bytes / did.seconds / ceiling


METRIC = Metric(
    name="share of gather",
    unit="%",
    better="higher",
    says="Gather rate as a share of what random rows of an operand of that size reached in this run; above 100 % rows were reused.",
    within=_share,
)
