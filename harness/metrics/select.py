"""Median time to select and compact once."""

from statistics import median

from harness.metrics import Metric

METRIC = Metric(
    name="select",
    unit="ms",
    better="lower",
    says="Median time to choose the column-row pairs and build the smaller matrix, once.",
    of=lambda measurement, _: 1e3 * median(measurement.select_s) if measurement.select_s else None,
)
