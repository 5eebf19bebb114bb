"""Time to prepare a kernel for its matrix, once."""

from rsc_bench.harness.metrics import Metric

METRIC = Metric(
    name="prepare",
    unit="ms",
    better="lower",
    says="Time to prepare the kernel for its matrix, paid once before the first call.",
    of=lambda measurement, _: None if measurement.prepare_s is None else 1e3 * measurement.prepare_s,
)
