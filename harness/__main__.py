"""The command line: ``python -m harness list | doctor | report | compare | ...``; imports what is heavy where it is used."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Any

import click
from rsc_bench.harness.aa_command import aa
from rsc_bench.harness.ab_command import ab
from rsc_bench.harness.compare_command import compare
from rsc_bench.harness.exchange_commands import export, import_
from rsc_bench.harness.outputs import guard, unwritable
from rsc_bench.harness.profile_command import profile
from rsc_bench.harness.screen import screen

FILE = click.Path(path_type=Path)


def _points(_context: click.Context, _parameter: click.Parameter, text: str) -> float:
    """The drop that is accepted, in points of the test metric."""
    try:
        points = float(text)
    except ValueError:
        points = math.nan
    if not 0 <= points <= 100:
        raise click.ClickException(f"--max-drop must be between 0 and 100 points (got {text!r}): write 0.3")
    return points


@click.group(context_settings={"help_option_names": ["-h", "--help"]}, invoke_without_command=True)
@click.pass_context
def cli(context: click.Context) -> int:
    """See what can be measured, draw what was measured, judge what changed.

    Measuring itself is `pytest suites/ --benchmark`.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help(), err=True)
        return 2
    return 0


@cli.command("list")
@click.option("--json", "as_json", is_flag=True, help="For a program.")
def list_(as_json: bool) -> None:
    """Kernels, graphs, metrics: available, or the reason why not."""
    from rsc_bench.harness import listing

    click.echo(_json(listing.as_tree()) if as_json else listing.as_text())


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="For a program.")
def doctor(as_json: bool) -> int:
    """The machine, what makes its numbers noisy, what is missing and how to get it.

    Exit status: 0, or 1 where something required is missing.
    """
    from rsc_bench.harness import doctor

    findings = doctor.examine()
    click.echo(_json(doctor.as_tree(findings)) if as_json else doctor.as_text(findings))
    return doctor.exit_status(findings)


@cli.command()
@click.argument("results", nargs=-1, type=FILE)
@click.option("--output", type=FILE, help="The page; by default beside the results, with .html at its end.")
def report(results: tuple[Path, ...], output: Path | None) -> None:
    """Draw results files into one offline page; by default the newest in results/."""
    import importlib

    paths = list(results) or [_newest(Path("results"))]
    output = output or paths[0].with_suffix(".html")
    guard(output, paths)
    if output.exists() and not output.is_file():
        raise click.ClickException(f"{output}: cannot be written (it is no regular file): give another path")
    # Named, not imported: the harness knows nothing of the reports.
    page = importlib.import_module("rsc_bench.reports.page")
    try:
        page.write(paths, output)
    except OSError as error:
        raise click.ClickException(unwritable(output, error)) from None
    click.echo(str(output))


@cli.command()
@click.argument("results", nargs=-1, required=True, type=FILE)
@click.option("--max-drop", callback=_points, default="0.3", show_default=True, help="Points of test metric that may be lost.")
@click.option("--json", "as_json", is_flag=True, help="For a program.")
def recommend(results: tuple[Path, ...], max_drop: float, as_json: bool) -> int:
    """Name the fastest setting that stays accurate, for each graph and model in RESULTS.

    Accurate: the drop of the test metric below exact training, paired by seed, is at most --max-drop with 95 % confidence.

    Exit status: 0 one for each; 1 none for some; 2 bad usage or no training in RESULTS; 3 cannot be judged.
    """
    from rsc_bench.harness import recommend, recommendations
    from rsc_bench.harness.results import read

    found = recommend.recommend([read(path) for path in results], max_drop)
    if not found:
        names = ", ".join(map(str, results))
        raise click.ClickException(f"{names}: no training is recorded: `pytest suites/test_training.py --benchmark` records some")
    text = _json(recommendations.as_tree(found)) + "\n" if as_json else recommendations.as_text(found, *screen())
    click.echo(text, nl=False)
    return recommend.exit_status(found)


cli.add_command(compare)
cli.add_command(aa)
cli.add_command(ab(compare))
cli.add_command(export)
cli.add_command(import_)
cli.add_command(profile)


def _newest(folder: Path) -> Path:
    found = sorted(folder.glob("*.jsonl"), key=lambda path: path.stat().st_mtime)
    if not found:
        raise click.ClickException(f"no results file in {folder}/: `pytest suites/ --benchmark` makes one")
    return found[-1]


def _json(tree: dict[str, Any]) -> str:
    import msgspec

    return msgspec.json.format(msgspec.json.encode(tree), indent=1).decode()


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit status; what a user got wrong is one line on stderr and 2."""
    try:
        return int(cli.main(arguments, prog_name="python -m harness", standalone_mode=False) or 0)
    except click.ClickException as error:
        _complain(error.format_message())
    except click.Abort:
        return 130
    except Exception as error:
        reason = _reason(error)
        if reason is None:
            raise
        _complain(reason)
    return 2


def _reason(error: Exception) -> str | None:
    """What to tell a user who can do something about it; None for a bug of ours."""
    from rsc_bench.harness.plugins import PluginError, why_missing
    from rsc_bench.harness.results import ResultsError

    if isinstance(error, ModuleNotFoundError):
        return why_missing(error)
    return str(error) if isinstance(error, ResultsError | PluginError) else None


def _complain(message: str) -> None:
    from rsc_bench.harness.verdicts import plain

    # One line, whatever a name in it holds.
    click.echo(f"error: {plain(' '.join(message.split()))}", err=True)


if __name__ == "__main__":
    sys.exit(main())
