"""Share of the exact FLOPs that were spent."""

from statistics import fmean

from rsc_bench.harness.metrics import Metric
from rsc_bench.harness.record import Measurement


def _share(measurement: Measurement, _: Measurement | None) -> float | None:
    if measurement.epoch_s:
        return 100 * fmean(measurement.flops_share) if measurement.flops_share else None
    return 100 * measurement.kept_nnz / measurement.nnz if measurement.nnz else None


METRIC = Metric(
    name="kept",
    unit="%",
    better="lower",
    says="FLOPs really spent as a share of the exact ones; of a training, those of the backward SpMM over all epochs.",
    of=_share,
)
