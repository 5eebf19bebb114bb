"""Memory that one call needs at its highest."""

from rsc_bench.harness.metrics import Metric

METRIC = Metric(
    name="memory",
    unit="MB",
    better="lower",
    says="Highest memory of one call above what was held before the kernel was prepared.",
    of=lambda measurement, _: None if measurement.peak_bytes is None else measurement.peak_bytes / 1e6,
)
