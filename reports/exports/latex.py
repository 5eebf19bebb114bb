"""Writes the tables that a reader looks at as LaTeX, for a paper."""

from __future__ import annotations

from rsc_bench.files import MARK
from rsc_bench.harness.metrics import Metric
from rsc_bench.reports.exports import Export
from rsc_bench.reports.numbers.reading import Reading, readings, unmeasured_line
from rsc_bench.reports.numbers.results import Results

ONE_PAGE = 40
"""Rows beyond which a table may break over pages."""
# Letters of units and names that LaTeX has as commands in every font and encoding.
_LETTERS = {"µ": r"$\mu$", "°": r"$^{\circ}$", "×": r"$\times$", "–": "--", "≥": r"$\geq$", "≤": r"$\leq$"}
_SPECIAL = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}"}
_SPECIAL |= {">": r"\textgreater{}", "|": r"\textbar{}"} | {letter: f"\\{letter}" for letter in "&%$#_{}"}
_ESCAPES = str.maketrans(_SPECIAL | _LETTERS)


def render(results: Results, metrics: tuple[Metric, ...]) -> str:
    """Return tables for the packages booktabs and, where one is longer than a page, longtable; captions say what all rows share."""
    parts = [f"% {MARK}; \\usepackage{{booktabs}}, and longtable for a table of more than {ONE_PAGE} rows"]
    parts += [_table(reading) for reading in readings(results.table, metrics)]
    missing = unmeasured_line(results.table)
    return "\n".join([*parts, *([f"% {missing}"] if missing else [])]) + "\n"


def _table(reading: Reading) -> str:
    import pandas as pd

    cells = reading.cells.map(escape).rename(columns=escape)
    sides = "".join("r" if name in reading.numbers else "l" for name in reading.cells.columns)
    said = escape(f"{reading.title.capitalize()}: {', '.join(reading.said_once)}.")
    label = f"tab:{reading.title.replace(' ', '-')}"
    # A row is one cell to pandas, which takes a tenth of a millisecond for each.
    head, rows = " & ".join(cells.columns), [" & ".join(row) for row in cells.itertuples(index=False)]
    frame = pd.DataFrame({head: rows})
    long = len(rows) > ONE_PAGE
    text = frame.to_latex(index=False, escape=False, column_format=sides, caption=said, label=label, longtable=long)
    # Of a table that goes on, pandas counts the columns that its notes stand below.
    return str(text).replace(r"\multicolumn{1}{", rf"\multicolumn{{{len(sides)}}}{{")


def escape(text: str) -> str:
    """Return text with the letters that mean something to LaTeX as commands."""
    return text.translate(_ESCAPES)


EXPORT = Export("latex", "The tables that matter, speedups first, for a paper (booktabs).", ".tex", render)
