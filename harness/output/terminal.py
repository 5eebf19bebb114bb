"""Draws a comparison as a table for the terminal, the verdict first."""

from __future__ import annotations

from rsc_bench.harness.compare.comparison import Comparison
from rsc_bench.harness.compare.verdict import Change, Verdict
from rsc_bench.harness.output import Output
from rsc_bench.harness.output.console import Screen, drawn
from rsc_bench.harness.output.wording import (
    RATIO,
    Notes,
    by_weight,
    counts_line,
    headline,
    name,
    numbers,
    reason_text,
    remarks,
    word,
)
from rsc_bench.text import plain

STYLES: dict[Change, str] = {
    "slower": "bold red",
    "broken": "bold red",
    "missing": "red",
    "unclear": "yellow",
    "faster": "green",
    "new": "cyan",
    "same": "dim",
}
MAX_ROWS = 50
"""Rows that a reader looks at; drawing 10,000 would take seconds."""


def text(comparison: Comparison, screen: Screen) -> str:
    """Return the table: the gravest of the cases that are not the same, or every case where the screen is to show them."""
    from rich.text import Text

    style = {0: "bold green", 1: "bold red"}.get(comparison.exit_status, "bold yellow")
    shown = [verdict for verdict in by_weight(comparison) if screen.every_case or verdict.change != "same"]
    rows = len(shown) if screen.every_case else MAX_ROWS
    notes = Notes.from_verdicts(shown)
    return drawn(
        screen,
        Text(headline(comparison), style),
        *([_table(shown[:rows], notes)] if shown else []),
        *(Text(plain(line)) for line in notes.lines()),
        *([Text(f"{len(shown[rows:])} more: --all shows them")] if shown[rows:] else []),
        Text(counts_line(comparison)),
        *(Text(plain(line)) for line in remarks(comparison)),
    )


def _table(shown: list[Verdict], notes: Notes) -> object:
    from rich.table import Table
    from rich.text import Text

    table = Table(caption=f"ratio = {RATIO}", caption_justify="left")
    for heading, side in (("change", "left"), ("ratio", "right"), ("95 % interval", "right"), ("rounds", "right")):
        table.add_column(heading, justify=side, no_wrap=True)  # type: ignore[arg-type]
    table.add_column("case, and why", overflow="fold")
    for verdict in shown:
        gap = " " if reason_text(verdict.reason) in notes.numbers else "\n"
        why = plain(notes.why(verdict))
        cells = [*numbers(verdict), plain(name(verdict)) + (gap + why if why else "")]
        table.add_row(Text(word(verdict), STYLES[verdict.change]), *(Text(cell) for cell in cells))
    return table


OUTPUT = Output("terminal", "A table: the verdict, then what changed.", text)
