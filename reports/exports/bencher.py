"""Writes a time for each case in the Bencher Metric Format, for `bencher run --file`."""

from __future__ import annotations

from rsc_bench.harness.metrics import Metric
from rsc_bench.harness.records.trackers import left_out
from rsc_bench.harness.records.trackers.bencher import BEGINS, to_bencher
from rsc_bench.reports.exports import Export, NothingToExport
from rsc_bench.reports.numbers.results import Results
from rsc_bench.text import plain_json


def render(results: Results, metrics: tuple[Metric, ...]) -> str:
    """Return an object, by the name of each case that has a time."""
    del metrics
    try:
        return plain_json(to_bencher(results))
    except ValueError as error:
        raise NothingToExport(str(error)) from None


EXPORT = Export(
    "bencher", "A time a case, in the format of bencher.dev (`bencher run --adapter json --file`).", ".bencher.json", render,
    begins=BEGINS, takes_metrics=False, left_out=left_out,
)  # fmt: skip
