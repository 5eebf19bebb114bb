"""Time to select and compact once."""

from rsc_bench.harness.metrics import Metric

METRIC = Metric(
    name="select",
    unit="ms",
    better="lower",
    says="Fastest time of the round for choosing the column-row pairs and building the smaller matrix, once.",
    of=lambda measurement, _: 1e3 * min(measurement.select_s) if measurement.select_s else None,
)
