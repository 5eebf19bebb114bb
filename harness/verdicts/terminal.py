"""Draws a comparison as a table for the terminal, the verdict first."""

from __future__ import annotations

import io

from rsc_bench.harness.compare import Change, Comparison, Verdict
from rsc_bench.harness.verdicts import RATIO, Notes, by_weight, headline, name, numbers, plain, remarks, tally, word

STYLES: dict[Change, str] = {
    "slower": "bold red",
    "broken": "bold red",
    "missing": "red",
    "unclear": "yellow",
    "faster": "green",
    "new": "cyan",
    "same": "dim",
}


# What a reader looks at; drawing 10,000 rows would take seconds.
MAX_ROWS = 50


def text(comparison: Comparison, show_all: bool, width: int, colour: bool) -> str:
    """Return the table: the gravest of the cases that are not the same, or with `show_all` every case."""
    from rich.console import Console
    from rich.text import Text

    out = io.StringIO()
    console = Console(file=out, width=width, force_terminal=colour, color_system="standard" if colour else None, highlight=False)
    style = {0: "bold green", 1: "bold red"}.get(comparison.exit_status, "bold yellow")
    console.print(Text(headline(comparison), style))
    shown = [verdict for verdict in by_weight(comparison) if show_all or verdict.change != "same"]
    rows = len(shown) if show_all else MAX_ROWS
    notes = Notes.of(shown)
    if shown:
        console.print(_table(shown[:rows], notes))
    for line in notes.lines():
        console.print(Text(plain(line)))
    if shown[rows:]:
        console.print(Text(f"{len(shown[rows:])} more: --all shows them"))
    console.print(Text(tally(comparison)))
    for line in remarks(comparison):
        console.print(Text(plain(line)))
    return out.getvalue()


def _table(shown: list[Verdict], notes: Notes) -> object:
    from rich.table import Table
    from rich.text import Text

    table = Table(caption=f"ratio = {RATIO}", caption_justify="left")
    for heading, side in (("change", "left"), ("ratio", "right"), ("95 % interval", "right"), ("rounds", "right")):
        table.add_column(heading, justify=side, no_wrap=True)  # type: ignore[arg-type]
    table.add_column("case, and why", overflow="fold")
    for verdict in shown:
        gap = " " if verdict.reason in notes.numbers else "\n"
        why = plain(notes.why(verdict))
        cells = [*numbers(verdict), plain(name(verdict)) + (gap + why if why else "")]
        table.add_row(Text(word(verdict), STYLES[verdict.change]), *(Text(cell) for cell in cells))
    return table
