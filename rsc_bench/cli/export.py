"""``export``: the numbers of a results file for another program, or for a paper."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rsc_bench.cli._options import FILE, STDOUT, given_names, guard, write
from rsc_bench.plugins import find, load
from rsc_bench.text import plain

if TYPE_CHECKING:
    from rsc_bench.reports.exports import Export

USUAL = "pytest-benchmark"


class Formats(click.ParamType):  # type: ignore[type-arg]  # generic in newer versions of click alone
    """The formats that there are, ours and those of plug-ins: they are looked for where one is named, or the help is shown."""

    name = "format"

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        """Return their names."""
        del param, ctx
        return f"[{'|'.join(sorted(load('export')))}]"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Export:
        """Return the format of a name; raises one line for a name that is not known, and for one that cannot be written here."""
        del param, ctx
        return _format(value) if isinstance(value, str) else value


@click.command("export")
@click.argument("results", type=FILE)
@click.option("--format", "form", type=Formats(), help=f"By default what --output ends in, else {USUAL}.")
@click.option("--metric", "metrics", multiple=True, metavar="NAME", help="Only this metric; may be repeated, in the order wanted.")
@click.option("--output", type=FILE, help="By default beside the results, named like them; - for the standard output.")
def export(results: Path, form: Export | None, metrics: tuple[str, ...], output: Path | None) -> None:
    """Write the numbers of a results file for another program.

    csv, json and parquet have a row for each case, measured or not: its fields, and of each metric the median over the rounds, the
    lowest and the highest, with units in the names. markdown and latex have the tables that a reader looks at, speedups first.
    pytest-benchmark has every sample, for `pytest-benchmark compare`: `import` makes the same results file of it again.
    github-action and bencher have a time for each case, for those services; cases without a time are named.
    """
    from rsc_bench.reports.exports import NothingToExport
    from rsc_bench.reports.numbers.results import read_results

    form = form or _format(_by_suffix(output))
    chosen = given_names(metrics)
    if chosen and not form.takes_metrics:
        raise click.ClickException(f"--metric goes with numbers, and {form.name} holds samples: leave it out, or give --format csv")
    output = output or results.with_suffix(form.suffix)
    if output != STDOUT:
        guard(output, [results], form.begins.encode())
    run = read_results(results)
    try:
        content = form.answer("render", str | bytes, form.render(run, chosen))
    except NothingToExport as error:
        raise click.ClickException(f"{results}: {error}") from None
    for case in form.left_out(run) if form.left_out else ():
        click.echo(plain(f"note: left out: {case}"), err=True)
    if output == STDOUT:
        # A name in a file must not move the cursor of who looks at it.
        click.echo(content if isinstance(content, bytes) else "\n".join(map(plain, content.split("\n"))), nl=False)
        return
    write(output, content)
    click.echo(plain(str(output)))


def _by_suffix(output: Path | None) -> str:
    """The name of the format that a file's name says."""
    if output is None or output.suffix in {"", ".json"}:
        return USUAL
    ends = {each.suffix: name for name, each in load("export").items()}
    if output.suffix not in ends:
        known = ", ".join(sorted(end for end in ends if end.count(".") == 1))
        raise click.ClickException(f"--output {output}: must end in one of {known}, or come with --format (got {output.suffix!r})")
    return ends[output.suffix]


def _format(name: str) -> Export:
    try:
        found: Export = find("export", name)
    except ValueError as error:
        raise click.ClickException(f"--format: {error}") from None
    if (reason := found.why_not()) is not None:
        raise click.ClickException(f"--format {name}: {reason}")
    return found


COMMAND = export
