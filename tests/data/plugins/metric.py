"""Counts samples: a metric to be added."""

from rsc_bench.harness.metrics import Metric

METRIC = Metric("my samples", "", "higher", "Samples of the round.", lambda measurement, _: float(len(measurement.timing.times_s)))
