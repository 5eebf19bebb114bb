"""Scratch memory of one call."""

from rsc_bench.harness.metrics import Metric

METRIC = Metric(
    name="workspace",
    unit="MB",
    better="lower",
    says="Scratch memory of one call: its highest, less what was held before it and less its result.",
    of=lambda measurement, _: None if measurement.workspace_bytes is None else measurement.workspace_bytes / 1e6,
)
