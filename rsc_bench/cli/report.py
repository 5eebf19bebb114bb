"""``report``: results files as one offline page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click

from rsc_bench.cli._options import FILE, guard, unwritable
from rsc_bench.cli._runs import named_by, no_results, stored_in
from rsc_bench.text import plain


@click.command("report")
@click.argument("results", nargs=-1, type=FILE)
@click.option(
    "--output", type=FILE, help="The page; by default beside the results, with .html at its end, and report.html in a folder."
)
def report(results: tuple[Path, ...], output: Path | None) -> None:
    """Draw results files into one offline page.

    RESULTS are files, and folders of which each file is drawn. Without RESULTS the newest in results/ is drawn.
    """
    click.echo(plain(str(draw(list(results), output, _write))))


def draw(results: list[Path], output: Path | None, write: Callable[[list[Path], Path], None]) -> Path:
    """Have a page of results written, and return where it is; raises one line where it must not or cannot be written.

    Args:
        results: results files, and folders of them; without any, the newest in ``results/``.
        output: the page; None: beside the first of the results, or in the folder that is named first.
        write: draws the page; may raise ``OSError``.
    """
    paths = named_by(results) or [_newest(Path("results"))]
    page = output or _page_of(results[0] if results else paths[0])
    _guard_page(page, paths)
    try:
        write(paths, page)
    except OSError as error:
        raise unwritable(page, error) from None
    return page


def _page_of(named: Path) -> Path:
    return named / "report.html" if named.is_dir() else named.with_suffix(".html")


def _guard_page(page: Path, paths: list[Path]) -> None:
    guard(page, paths)
    if page.exists() and not page.is_file():
        raise click.ClickException(f"{page}: cannot be written (it is no regular file): give another path")


def _write(paths: list[Path], page: Path) -> None:
    # Imported here: what is wrong with the paths needs no pandas to be said.
    from rsc_bench.reports.page import render

    render.write(paths, page)


def _newest(folder: Path) -> Path:
    found = stored_in(folder)
    if not found:
        raise no_results(folder)
    return max(found, key=lambda path: path.stat().st_mtime)


COMMAND = report
