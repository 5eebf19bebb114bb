"""``export``: a results file as pytest-benchmark's JSON."""

from __future__ import annotations

from pathlib import Path

import click

from rsc_bench.cli._options import FILE, guard, json_text, write
from rsc_bench.text import plain


@click.command("export")
@click.argument("results", type=FILE)
@click.option("--output", type=FILE, help="By default beside the results, with .json at its end.")
def export(results: Path, output: Path | None) -> None:
    """Write a results file as JSON of pytest-benchmark.

    For `pytest-benchmark compare`, and what else reads it.

    Every sample is in it, and what pytest-benchmark has no place for beside it: `import` makes the same results file again.
    """
    from rsc_bench.harness.records.file import read
    from rsc_bench.harness.records.pytest_benchmark.exporting import document

    output = output or results.with_suffix(".json")
    guard(output, [results])
    tree = document(read(results))
    if not tree["benchmarks"]:
        raise click.ClickException(f"{results}: no case has a time, and pytest-benchmark knows no other: measure it first")
    write(output, json_text(tree))
    click.echo(plain(str(output)))


COMMAND = export
