"""Turns a run into what Bencher reads: the Bencher Metric Format."""

from __future__ import annotations

import json

from rsc_bench.harness.records.run import Run
from rsc_bench.harness.records.trackers import Tracked, tracked

MEASURE = "latency"
"""Bencher's own name of a time, which it takes in nanoseconds."""
BEGINS = "{\n\n"
"""How such a file of ours begins: the format has no place for a mark, and a blank line there is in no other program's."""


def to_bencher(run: Run) -> str:
    """Return JSON, by the name of each case ``{"latency": {"value", "lower_value", "upper_value"}}``, in nanoseconds.

    The lower and upper values are the fastest and the slowest round. Source: https://bencher.dev/docs/reference/bencher-metric-format.
    Raises ``ValueError`` where no case of the run has a time.
    """
    metrics = {name: {MEASURE: _metric(each)} for name, each in tracked(run).items()}
    return json.dumps(metrics, indent=1).replace("{\n", BEGINS, 1) + "\n"


def _metric(each: Tracked) -> dict[str, float]:
    return {"value": 1e9 * each.middle_s, "lower_value": 1e9 * each.low_s, "upper_value": 1e9 * each.high_s}
