"""Draws a comparison as a table for the terminal, the verdict first."""

from __future__ import annotations

from rsc_bench.harness.compare.comparison import Comparison
from rsc_bench.harness.compare.verdict import Change, Verdict
from rsc_bench.harness.output import Output
from rsc_bench.harness.output.console import Screen, drawn
from rsc_bench.harness.output.wording import (
    RATIO,
    VALUES,
    Notes,
    by_weight,
    change_text,
    counts_line,
    headline,
    name,
    numbers,
    remarks,
    sides,
    why_text,
)
from rsc_bench.text import plain

STYLES: dict[Change, str] = {
    "slower": "bold red",
    "broken": "bold red",
    "missing": "red",
    "still broken": "yellow",
    "unclear": "yellow",
    "faster": "green",
    "new": "cyan",
    "same": "dim",
}
MAX_ROWS = 50
"""Rows that a reader looks at; drawing 10,000 would take seconds."""
WIDE = 110
"""Columns from which base and new have columns of their own; in fewer, the case would be folded to a letter a line."""


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
        *([_table(shown[:rows], notes, screen.width >= WIDE)] if shown else []),
        *(Text(plain(line)) for line in notes.lines()),
        *([Text(f"{len(shown[rows:])} more: --all shows them")] if shown[rows:] else []),
        Text(counts_line(comparison)),
        *(Text(plain(line)) for line in remarks(comparison)),
    )


def _table(shown: list[Verdict], notes: Notes, wide: bool) -> object:
    from rich.table import Table
    from rich.text import Text

    table = Table(caption=f"ratio = {RATIO}; base and new: {VALUES}", caption_justify="left")
    table.add_column("change", no_wrap=True)
    for heading in (*(("base", "new") if wide else ()), "ratio", "95 % interval", "rounds"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("case, and why", overflow="fold")
    for verdict in shown:
        cells = [*(sides(verdict) if wide else ()), *numbers(verdict), _case(verdict, notes, wide)]
        style = STYLES[verdict.change] if not verdict.accepted else "cyan"
        table.add_row(Text(change_text(verdict), style), *(Text(cell) for cell in cells))
    return table


def _case(verdict: Verdict, notes: Notes, wide: bool) -> str:
    """The case; below it its values, where they have no columns, and why it is so, or beside it the number of the note."""
    gap = " " if why_text(verdict) in notes.numbers else "\n"
    why = plain(notes.why(verdict))
    base, new = sides(verdict)
    beside = "" if wide or not (base or new) else f"\n{base or 'none'} -> {new or 'none'}"
    return plain(name(verdict)) + beside + (gap + why if why else "")


OUTPUT = Output("terminal", "A table: the verdict, then what changed.", text)
