"""Relative error of the result against the exact product."""

from rsc_bench.harness.metrics import Metric

METRIC = Metric(
    name="error",
    unit="",
    better="lower",
    says="Relative Frobenius error against the exact product in float64.",
    of=lambda measurement, _: measurement.rel_error,
)
