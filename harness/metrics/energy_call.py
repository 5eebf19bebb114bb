"""Energy of one call."""

from rsc_bench.harness.metrics import Metric
from rsc_bench.harness.metrics._energy import call_j
from rsc_bench.harness.record import Measurement


def _millijoules(measurement: Measurement, _: Measurement | None) -> float | None:
    joules = call_j(measurement)
    return None if joules is None else 1e3 * joules


METRIC = Metric(
    name="energy",
    unit="mJ",
    better="lower",
    says="Energy that the GPU spends on one call above what it takes when idle, from calls made one behind the other.",
    of=_millijoules,
)
