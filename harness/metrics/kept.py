"""Share of the exact FLOPs that were spent."""

from harness.metrics import Metric

METRIC = Metric(
    name="kept",
    unit="%",
    better="lower",
    says="Non-zeros that were multiplied, as a share of all of them: the FLOPs really spent.",
    of=lambda measurement, _: 100 * measurement.kept_nnz / measurement.nnz if measurement.nnz else None,
)
