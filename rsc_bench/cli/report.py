"""``report``: results files as one offline page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click

from rsc_bench.cli._options import FILE, guard, unwritable
from rsc_bench.text import bench, plain


@click.command("report")
@click.argument("results", nargs=-1, type=FILE)
@click.option("--output", type=FILE, help="The page; by default beside the results, with .html at its end.")
def report(results: tuple[Path, ...], output: Path | None) -> None:
    """Draw results files into one offline page.

    Without RESULTS the newest in results/ is drawn.
    """
    click.echo(plain(str(draw(list(results), output, _write))))


def draw(results: list[Path], output: Path | None, write: Callable[[list[Path], Path], None]) -> Path:
    """Have a page of results written, and return where it is; raises one line where it must not or cannot be written.

    Args:
        results: results files; without any, the newest in ``results/``.
        output: the page; None: beside the first of the results.
        write: draws the page; may raise ``OSError``.
    """
    paths = results or [_newest(Path("results"))]
    page = output or paths[0].with_suffix(".html")
    guard(page, paths)
    if page.exists() and not page.is_file():
        raise click.ClickException(f"{page}: cannot be written (it is no regular file): give another path")
    try:
        write(paths, page)
    except OSError as error:
        raise unwritable(page, error) from None
    return page


def _write(paths: list[Path], page: Path) -> None:
    # Imported here: what is wrong with the paths needs no pandas to be said.
    from rsc_bench.reports.page import render

    render.write(paths, page)


def _newest(folder: Path) -> Path:
    found = sorted(folder.glob("*.jsonl"), key=lambda path: path.stat().st_mtime)
    if not found:
        raise click.ClickException(f"no results file in {folder}/: `{bench()}` makes one")
    return found[-1]


COMMAND = report
