"""Energy of one edge of the graph."""

from rsc_bench.harness.metrics import Metric
from rsc_bench.harness.metrics._energy import call_j
from rsc_bench.harness.record import Measurement


def _nanojoules(measurement: Measurement, _: Measurement | None) -> float | None:
    joules = call_j(measurement)
    return 1e9 * joules / measurement.nnz if joules is not None and measurement.nnz else None


METRIC = Metric(
    name="energy per edge",
    unit="nJ",
    better="lower",
    says="Energy of one call, above idle, over all non-zeros of the matrix, whether multiplied or left out.",
    of=_nanojoules,
)
