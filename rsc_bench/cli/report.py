"""``report``: results files as one offline page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click

from rsc_bench.cli._followed import RESULTS, Places, interrupted_by_sigterm, page_of
from rsc_bench.cli._options import FILE, guard, unwritable
from rsc_bench.cli._runs import named_by, no_results, stored_in
from rsc_bench.text import plain

EVERY_S = 5.0
"""Seconds from one drawing to the next, at least, where none are given."""
_FEWEST_S, _MOST_S = 0.1, 86400.0


def _seconds(_context: click.Context, _parameter: click.Parameter, value: float | None) -> float | None:
    if value is not None and not _FEWEST_S <= value <= _MOST_S:
        rule = f"must be {_FEWEST_S:g} to {_MOST_S:g} seconds"
        raise click.ClickException(f"--every {rule} (got {value:g}): leave it out for {EVERY_S:g}")
    return value


@click.command("report")
@click.argument("results", nargs=-1, type=FILE)
@click.option(
    "--output", type=FILE, help="The page; by default beside the results, with .html at its end, and report.html in a folder."
)
@click.option("--follow", is_flag=True, help="Redraw the page as records come, until Ctrl-C.")
@click.option("--every", type=float, callback=_seconds, metavar="SECONDS", help="Of --follow: between two drawings, at least (5).")
def report(results: tuple[Path, ...], output: Path | None, follow: bool, every: float | None) -> None:
    """Draw results files into one offline page.

    RESULTS are files, and folders of which each file is drawn. Without RESULTS the newest in results/ is drawn.

    With --follow the page is drawn at once, and again whenever a file has grown or has come into a folder, until Ctrl-C or SIGTERM
    ends it; a browser that shows the page shows each drawing. Without RESULTS it follows what is written into results/ from then
    on, and the newest file.
    """
    if follow:
        _follow(list(results), output, EVERY_S if every is None else every)
        return
    if every is not None:
        raise click.UsageError("--every is of --follow: give both, or none of them")
    click.echo(plain(str(draw(list(results), output, _write))))


def _follow(results: list[Path], output: Path | None, every_s: float) -> None:
    places = Places(results or [RESULTS], newest=not results)
    page = output or places.page
    _guard_page(page, places.found())
    from rsc_bench.reports.page.follow import Page, follow

    click.echo(plain(f"{page}: redrawn as records come, until Ctrl-C"))
    if not places.found():
        click.echo(plain(f"waiting for results in {', '.join(map(str, places.given))}"))
    with interrupted_by_sigterm():
        follow(places.found, Page(page, _complain).draw, every_s, lambda line: click.echo(plain(line)))


def _complain(line: str) -> None:
    click.echo(plain(f"error: {line}"), err=True)


def draw(results: list[Path], output: Path | None, write: Callable[[list[Path], Path], None]) -> Path:
    """Have a page of results written, and return where it is; raises one line where it must not or cannot be written.

    Args:
        results: results files, and folders of them; without any, the newest in ``results/``.
        output: the page; None: beside the first of the results, or in the folder that is named first.
        write: draws the page; may raise ``OSError``.
    """
    paths = named_by(results) or [_newest(RESULTS)]
    page = output or page_of(results[0] if results else paths[0])
    _guard_page(page, paths)
    try:
        write(paths, page)
    except OSError as error:
        raise unwritable(page, error) from None
    return page


def _guard_page(page: Path, paths: list[Path]) -> None:
    guard(page, paths)
    if page.exists() and not page.is_file():
        raise click.ClickException(f"{page}: cannot be written (it is no regular file): give another path")


def _write(paths: list[Path], page: Path) -> None:
    # Imported here: what is wrong with the paths needs no pandas to be said.
    from rsc_bench.reports.page import render

    render.write(paths, page)


def _newest(folder: Path) -> Path:
    """The newest results file that has a record: a run that was ended before its first case has nothing to draw."""
    found = sorted(stored_in(folder), key=lambda path: path.stat().st_mtime, reverse=True)
    newest = next((path for path in found if _has_a_record(path)), None)
    if newest is None:
        raise no_results(folder, without=len(found))
    if passed := found[: found.index(newest)]:
        click.echo(plain(f"note: passed over, for want of a record: {', '.join(map(str, passed))}"), err=True)
    return newest


def _has_a_record(path: Path) -> bool:
    """Whether a results file has a record; one that cannot be read counts as well, for drawing it says what is wrong."""
    from rsc_bench.harness.records.file import ResultsError, scan

    try:
        with scan(path) as stored:
            return any(record is not None for _, record in stored.entries())
    except ResultsError:
        return True


COMMAND = report
