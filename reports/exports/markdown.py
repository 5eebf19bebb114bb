"""Writes the tables that a reader looks at as Markdown, for a README or an issue."""

from __future__ import annotations

from rsc_bench.files import MARK
from rsc_bench.harness.metrics import Metric
from rsc_bench.harness.output.markdown import escaped
from rsc_bench.reports.exports import Export, whether_installed
from rsc_bench.reports.numbers.reading import Reading, readings, unmeasured_line
from rsc_bench.reports.numbers.results import Results


def render(results: Results, metrics: tuple[Metric, ...]) -> str:
    """Return the text: above each table what is the same in all of its rows."""
    parts = [f"<!-- {MARK} -->", *map(_table, readings(results.table, metrics)), escaped(unmeasured_line(results.table))]
    return "\n\n".join(filter(None, parts)) + "\n"


def _table(reading: Reading) -> str:
    cells = reading.cells.map(escaped).rename(columns=escaped)
    sides = ["right" if name in reading.numbers else "left" for name in reading.cells.columns]
    table = cells.to_markdown(index=False, disable_numparse=True, colalign=sides)
    return f"{escaped(f'{reading.title}: ' + ', '.join(reading.said_once))}\n\n{table}"


EXPORT = Export(
    "markdown", "The tables that matter, speedups first, for a README or an issue.", ".md", render,
    missing=whether_installed("tabulate"),
)  # fmt: skip
