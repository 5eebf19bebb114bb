"""Says of which cases a metric is not known, and why, which stands above the table of all cases."""

from __future__ import annotations

from collections.abc import Iterator

from rsc_bench.harness.records.case import FLOAT32, GROWTH
from rsc_bench.reports.tables.frames import why_absent
from rsc_bench.reports.tables.rows import PRECISION
from rsc_bench.reports.tables.table import VS_FLOAT32, Table

NAMED = 5
"""Kernels that are named."""


def unknown(table: Table) -> list[str]:
    """Return a sentence for each metric and reason: of how many cases it is not known, of which kernels, and why.

    Only metrics that give a reason are named: that a training has no latency goes without saying.
    """
    found = []
    for metric in table.metrics:
        column = why_absent(metric.name)
        if column in table.cases:
            without = table.cases[table.cases[metric.name].isna() & table.cases[column].notna()]
            for reason, cases in without.groupby(column, observed=True, sort=True):
                found.append(f"{metric.name} is not known of {_cases(len(cases))} ({_few(sorted({*cases['kernel']}))}): {reason}")
    return [*found, *_without_float32(table)]


def _without_float32(table: Table) -> Iterator[str]:
    """Yield why cases of other classes have no speedup against float32, where they have none."""
    if VS_FLOAT32 not in table.cases or table.cases.empty:
        return
    cases = table.cases[table.cases["model"].isna() & (table.cases["suite"] != GROWTH) & table.cases[VS_FLOAT32].isna()]
    cases = cases[(cases["dtype"] != FLOAT32) | (cases[PRECISION].notna() & (cases[PRECISION] != FLOAT32))]
    if len(cases):
        why = "no exact kernel of float32 was measured on the same product: `--dtype float32` measures them, too"
        yield f"{VS_FLOAT32} is not known of {_cases(len(cases))} ({_few(sorted({*cases['kernel']}))}): {why}"


def _cases(count: int) -> str:
    return "1 case" if count == 1 else f"{count:,} cases"


def _few(kernels: list[str]) -> str:
    more = len(kernels) - NAMED
    return ", ".join(kernels[:NAMED]) + (f" and {more} more" if more > 0 else "")
