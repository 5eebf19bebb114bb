"""Writes a row for each case as comma-separated values."""

from __future__ import annotations

from rsc_bench.harness.metrics import Metric
from rsc_bench.reports.exports import Export
from rsc_bench.reports.numbers.results import Results
from rsc_bench.reports.numbers.tidy import tidy


def render(results: Results, metrics: tuple[Metric, ...]) -> str:
    """Return the text; what is absent is empty, and what can be never is ``inf``."""
    return str(tidy(results.table, metrics).to_csv(index=False))


EXPORT = Export("csv", "A row for each case, for a spreadsheet or any program.", ".csv", render, begins="suite,kernel,graph,")
