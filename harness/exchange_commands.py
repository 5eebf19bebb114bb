"""The commands ``python -m harness export`` and ``import``: results files to pytest-benchmark's JSON, and back."""

from __future__ import annotations

from pathlib import Path

import click
from rsc_bench.harness.outputs import guard, write_whole

FILE = click.Path(path_type=Path)


@click.command()
@click.argument("results", type=FILE)
@click.option("--output", type=FILE, help="By default beside the results, with .json at its end.")
def export(results: Path, output: Path | None) -> None:
    """Write a results file as pytest-benchmark's JSON, for `pytest-benchmark compare` and what else reads it.

    Every sample is in it, and what pytest-benchmark has no place for beside it: `import` makes the same results file again.
    """
    import msgspec
    from rsc_bench.harness.benchmark_json.exporting import document
    from rsc_bench.harness.results import read

    output = output or results.with_suffix(".json")
    guard(output, [results])
    tree = document(read(results))
    if not tree["benchmarks"]:
        raise click.ClickException(f"{results}: no case has a time, and pytest-benchmark knows no other: measure it first")
    write_whole(output, msgspec.json.format(msgspec.json.encode(tree), indent=1).decode() + "\n")
    click.echo(str(output))


@click.command("import")
@click.argument("files", nargs=-1, required=True, type=FILE)
@click.option("--results", type=FILE, required=True, help="Begin a results file or carry on in one.")
def import_(files: tuple[Path, ...], results: Path) -> None:
    """Make a results file of pytest-benchmark's JSON FILES, a round a file, for `report` and `compare`.

    Files saved without samples (--benchmark-autosave keeps none unless --benchmark-save-data is given) come in with
    min, q1, median, q3 and max in their place, and say so.
    """
    from rsc_bench.harness.benchmark_json import importing

    found = [importing.read(path) for path in files]
    rounds = importing.write(found, results)
    click.echo(f"{results}: {rounds} {'round' if rounds == 1 else 'rounds'}")
    summarised = sum(each.summarised for each in found)
    if summarised:
        click.echo(
            f"{summarised} benchmarks were saved without samples: five numbers stand for each; save with --benchmark-save-data"
        )
