"""What the harness takes beside the kernels that it measures."""

from __future__ import annotations

from collections.abc import Mapping

from rsc_bench.harness.metrics import Metric
from rsc_bench.harness.records.measurement import KERNEL, Measurement


def outside_share(spent_s: Mapping[str, float]) -> float | None:
    """Return which share of the seconds that were spent was outside of kernels; None of none."""
    spent = sum(spent_s.values())
    return 1 - spent_s.get(KERNEL, 0.0) / spent if spent else None


def _percent(measurement: Measurement, _: Measurement | None) -> float | None:
    share = outside_share(measurement.timing.spent_s or {})
    return None if share is None else 100 * share


METRIC = Metric(
    name="outside",
    unit="%",
    better="lower",
    summary="Share of the time of a case that was outside of its kernel: all but tuning, preparing and calls, timed or not.",
    compute=_percent,
)
