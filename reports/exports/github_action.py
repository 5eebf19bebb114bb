"""Writes a time for each case as github-action-benchmark reads them, for its charts and comments."""

from __future__ import annotations

from rsc_bench.harness.metrics import Metric
from rsc_bench.harness.records.trackers import left_out
from rsc_bench.harness.records.trackers.github_action import to_github_action
from rsc_bench.reports.exports import Export, NothingToExport
from rsc_bench.reports.numbers.results import Results
from rsc_bench.text import plain_json


def render(results: Results, metrics: tuple[Metric, ...]) -> str:
    """Return a list, an entry a case that has a time."""
    del metrics
    try:
        return plain_json(to_github_action(results))
    except ValueError as error:
        raise NothingToExport(str(error)) from None


EXPORT = Export(
    "github-action", "A time a case, for github-action-benchmark (`tool: customSmallerIsBetter`).", ".action.json", render,
    takes_metrics=False, left_out=left_out,
)  # fmt: skip
