"""Error of a result against the exact product, and the share of its FLOPs that was spent."""

from __future__ import annotations

from statistics import fmean

from rsc_bench.harness.metrics import Metric
from rsc_bench.harness.records.measurement import Measurement

SPENT = 0.9
"""Share of its budget that a case has to spend: below, it is said where its error and speed are shown."""


def _kept_percent(measurement: Measurement, _: Measurement | None) -> float | None:
    trained, matrix = measurement.training, measurement.matrix
    if trained:
        return 100 * fmean(trained.flops_share) if trained.flops_share else None
    return 100 * matrix.kept_nnz / matrix.nnz if matrix.nnz and matrix.kept_nnz is not None else None


def _why_not_kept(measurement: Measurement, _: Measurement | None) -> str | None:
    if measurement.training is not None or measurement.matrix.kept_nnz is not None:
        return None
    return "the kernel does not say what it multiplies (`kept`), so its budget is not known and its result is held to nothing"


METRICS = (
    Metric(
        name="error",
        unit="",
        better="lower",
        summary="Relative Frobenius error against the exact product in float64.",
        compute=lambda measurement, _: measurement.accuracy.rel_error if measurement.accuracy else None,
    ),
    Metric(
        name="kept",
        unit="%",
        better="lower",
        summary="FLOPs really spent as a share of the exact ones; of a training, those of the backward SpMM over all epochs.",
        compute=_kept_percent,
        why_absent=_why_not_kept,
    ),
)
