"""``report``: results files as one offline page."""

from __future__ import annotations

from pathlib import Path

import click

from rsc_bench.cli._options import FILE, guard
from rsc_bench.text import bench


@click.command("report")
@click.argument("results", nargs=-1, type=FILE)
@click.option("--output", type=FILE, help="The page; by default beside the results, with .html at its end.")
def report(results: tuple[Path, ...], output: Path | None) -> None:
    """Draw results files into one offline page; by default the newest in results/."""
    from rsc_bench.reports.page import render

    paths = list(results) or [_newest(Path("results"))]
    output = output or paths[0].with_suffix(".html")
    guard(output, paths)
    if output.exists() and not output.is_file():
        raise click.ClickException(f"{output}: cannot be written (it is no regular file): give another path")
    render.write(paths, output)
    click.echo(str(output))


def _newest(folder: Path) -> Path:
    found = sorted(folder.glob("*.jsonl"), key=lambda path: path.stat().st_mtime)
    if not found:
        raise click.ClickException(f"no results file in {folder}/: `{bench()}` makes one")
    return found[-1]


COMMAND = report
