"""Memory of one call."""

from __future__ import annotations

from rsc_bench.harness.metrics import Metric
from rsc_bench.harness.records.measurement import MemoryUse


def _megabytes(memory: MemoryUse | None, field: str) -> float | None:
    size = getattr(memory, field, None)
    return None if size is None else size / 1e6


METRICS = (
    Metric(
        name="memory",
        unit="MB",
        better="lower",
        summary="Highest memory of one call above what was there before the kernel was prepared.",
        compute=lambda measurement, _: _megabytes(measurement.memory, "peak_bytes"),
    ),
    Metric(
        name="workspace",
        unit="MB",
        better="lower",
        summary="Scratch memory of one call: its highest, less what was there before it and less its result.",
        compute=lambda measurement, _: _megabytes(measurement.memory, "workspace_bytes"),
    ),
)
