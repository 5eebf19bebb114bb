"""Writes every sample as JSON of pytest-benchmark, for its commands and what else reads it."""

from __future__ import annotations

from rsc_bench.harness.metrics import Metric
from rsc_bench.harness.records.pytest_benchmark.exporting import document
from rsc_bench.reports.exports import Export, NothingToExport
from rsc_bench.reports.numbers.results import Results
from rsc_bench.text import plain_json


def render(results: Results, metrics: tuple[Metric, ...]) -> str:
    """Return the document, an entry a line."""
    import msgspec

    del metrics  # it holds samples, of which its reader makes numbers
    tree = document(results)
    if not tree["benchmarks"]:
        raise NothingToExport("no case has a time, and pytest-benchmark knows no other: measure it first")
    return plain_json(msgspec.json.format(msgspec.json.encode(tree), indent=1).decode() + "\n")


EXPORT = Export(
    "pytest-benchmark", "Every sample, as JSON of pytest-benchmark; `import` makes the same results file again.", ".json", render,
    takes_metrics=False,
)  # fmt: skip
