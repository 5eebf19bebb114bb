"""``import``: pytest-benchmark's JSON files as a results file."""

from __future__ import annotations

from pathlib import Path

import click

from rsc_bench.cli._options import FILE
from rsc_bench.text import plain


@click.command("import")
@click.argument("files", nargs=-1, required=True, type=FILE)
@click.option("--results", type=FILE, required=True, help="Begin a results file or carry on in one.")
def import_(files: tuple[Path, ...], results: Path) -> None:
    """Read JSON of pytest-benchmark into a results file.

    Each of the FILES becomes a round, for `report` and `compare`.

    Files saved without samples (--benchmark-autosave keeps none unless --benchmark-save-data is given) come in with
    min, q1, median, q3 and max in their place, and say so.
    """
    from rsc_bench.harness.records.pytest_benchmark import importing

    found = [importing.read(path) for path in files]
    rounds = importing.write(found, results)
    click.echo(plain(f"{results}: {rounds} {'round' if rounds == 1 else 'rounds'}"))
    summarised = sum(each.summarised for each in found)
    if summarised:
        click.echo(
            f"{summarised} benchmarks were saved without samples: five numbers stand for each; save with --benchmark-save-data"
        )


COMMAND = import_
