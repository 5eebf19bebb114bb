"""Reads a results file into one object: its records with their types, and a frame of its cases for a notebook."""

from __future__ import annotations

from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from rsc_bench.harness.metrics import Metric
from rsc_bench.harness.records.file import read
from rsc_bench.harness.records.run import Run, uncollected
from rsc_bench.plugins import find
from rsc_bench.reports.numbers.reading import readings, unmeasured_line
from rsc_bench.reports.numbers.tidy import tidy
from rsc_bench.reports.tables.table import Table, read_table

if TYPE_CHECKING:
    import pandas as pd

ROWS = 20
"""Rows of each table that a notebook shows."""


class Results(Run, frozen=True, kw_only=True, dict=True):
    """One results file: `Run`, and its cases as a table.

    In a notebook it shows itself as the tables that matter, speedups first.
    """

    @cached_property
    def table(self) -> Table:
        """The cases with every metric, as the page draws them."""
        with uncollected():
            return read_table([self])

    def to_pandas(self, *metrics: str) -> pd.DataFrame:
        """Return a tidy frame: a row for each case, units in the names of the columns.

        Args:
            metrics: names of metrics, in this order; none: every metric that a case has a value of.

        Returns:
            The fields of the case, ``status`` and ``reason`` (``ok``, or why there is no number), ``rounds``, and of each metric
            the median over the rounds, the lowest and the highest: ``latency_ms``, ``latency_ms_low``, ``latency_ms_high``; of
            a speedup also the kernel it is against, ``speedup_x_against``. A case that was not measured has a row as well.

        Raises:
            ValueError: a metric that there is not; the message names the nearest.
        """
        return tidy(self.table, chosen(metrics))

    def __repr__(self) -> str:
        cases = len({record.case for record in self.records})
        return f"Results({str(self.path)!r}: {len(self.rounds)} rounds, {len(self.records)} records of {cases} cases)"

    def _repr_html_(self) -> str:
        source = self.table.sources[0]
        parts = [
            f"<p><b>{escape(source.name)}</b> · {escape(source.machine)} · {source.rounds} rounds · {source.records} records</p>"
        ]
        for each in readings(self.table):
            parts.append(f"<p>{escape(each.title)} · {escape(' · '.join(each.said_once))}</p>")
            parts.append(each.cells.head(ROWS).to_html(index=False, border=0))
            if (more := len(each.cells) - ROWS) > 0:
                parts.append(f"<p>{more} more rows: <code>to_pandas()</code> has all of them</p>")
        return "\n".join([*parts, *(f"<p>{escape(line)}</p>" for line in filter(None, (unmeasured_line(self.table),)))])


def chosen(names: tuple[str, ...]) -> tuple[Metric, ...]:
    """Return the metrics of these names; raises ``ValueError`` with the nearest names for one that there is not."""
    return tuple(find("metric", name) for name in dict.fromkeys(names))


def read_results(path: str | Path) -> Results:
    """Return the run in a results file.

    A last line without its end is a write that was killed: it is left out. Raises `ResultsError` for a file that is
    missing, empty, not a results file, of another schema, or damaged before its last line.
    """
    run = read(path)
    return Results(path=run.path, environment=run.environment, rounds=run.rounds)
