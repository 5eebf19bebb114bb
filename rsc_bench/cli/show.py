"""``show``: the table that matters of results files, in the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from rsc_bench.cli._options import FILE, given_names
from rsc_bench.text import call, plain

if TYPE_CHECKING:
    from rsc_bench.harness.metrics import Metric
    from rsc_bench.harness.output.console import Screen
    from rsc_bench.reports.numbers.reading import Reading
    from rsc_bench.reports.tables.table import Table

MAX_ROWS = 50
"""Rows of a table that a reader looks at; drawing 10,000 would take seconds."""


@click.command("show")
@click.argument("results", nargs=-1, required=True, type=FILE)
@click.option("--metric", "metrics", multiple=True, metavar="NAME", help="Only this metric; may be repeated, in the order wanted.")
@click.option("--all", "every_case", is_flag=True, help=f"Every row, not only the first {MAX_ROWS} of a table.")
def show(results: tuple[Path, ...], metrics: tuple[str, ...], every_case: bool) -> None:
    """Show the table that matters of results files.

    Speedups first, the fastest of each graph and width at the top. A value is the median over the rounds. What is the same in all
    rows stands above them, and what was not measured below. Sampled trainings have a second table, of their controls at equal time.
    """
    from rsc_bench.harness.output.console import drawn, screen
    from rsc_bench.harness.records.run import uncollected
    from rsc_bench.reports.tables.table import read_files

    chosen = given_names(metrics)
    with uncollected():
        table = read_files(results)
    here = screen(every_case)
    click.echo(drawn(here, *_parts(table, chosen, here)), nl=False)


def _parts(table: Table, metrics: tuple[Metric, ...], here: Screen) -> Iterator[object]:
    from rich.text import Text

    from rsc_bench.reports.numbers.reading import readings, unmeasured_line

    found = readings(table, metrics)
    for reading in found:
        yield Text(plain(f"{reading.title}: {', '.join(reading.said_once)}"), "dim")
        yield _table(reading, here.every_case)
        if not here.every_case and (more := len(reading.cells) - MAX_ROWS) > 0:
            yield Text(f"{more:,} more rows: --all shows them, `{call('export')} --format csv` writes them")
        yield Text()
    if not found:
        yield Text("nothing was measured")
    if missing := unmeasured_line(table):
        yield Text(plain(missing), "yellow")


def _table(reading: Reading, every_case: bool) -> object:
    from rich.table import Table as Drawn
    from rich.text import Text

    drawn = Drawn(box=None, pad_edge=False, header_style="bold")
    for name in reading.cells.columns:
        side: Literal["left", "right"] = "right" if name in reading.numbers else "left"
        drawn.add_column(Text(plain(name)), justify=side, overflow="fold")
    rows = reading.cells if every_case else reading.cells.head(MAX_ROWS)
    for row in rows.itertuples(index=False):
        drawn.add_row(*(Text(plain(cell)) for cell in row))
    return drawn


COMMAND = show
