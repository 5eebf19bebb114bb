"""The command ``python -m harness compare``: two results files, and an exit status that says what became of the cases."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import click
from rsc_bench.harness.outputs import guard, write_whole
from rsc_bench.harness.screen import screen

FILE = click.Path(path_type=Path)


def _share(_context: click.Context, _parameter: click.Parameter, text: str) -> float:
    """The threshold as a number: ``5%`` or ``0.05``."""
    share = _number(text)
    if not 0 < share < 1:
        raise click.ClickException(f"--threshold must be above 0% and below 100% (got {text!r}): write 5% or 0.05")
    return share


def _number(text: str) -> float:
    try:
        return float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        return math.nan


def _metrics(_context: click.Context, _parameter: click.Parameter, texts: tuple[str, ...]) -> dict[str, float | None]:
    """The metrics by name, each with its own margin or None: ``memory``, ``memory=1%``, ``accuracy=0.5``."""
    if not texts:
        return {}
    from rsc_bench.harness.judged import judged

    metrics = {}
    for text in texts:
        name, given, margin = text.partition("=")
        metrics[name] = _number(margin) if given else None
    try:
        judged(0.5, metrics)
    except ValueError as error:
        raise click.ClickException(f"--metric: {error}") from None
    return metrics


def _across(_context: click.Context, _parameter: click.Parameter, names: tuple[str, ...]) -> frozenset[str]:
    from rsc_bench.harness.comparable import check

    try:
        check(names)
    except ValueError as error:
        raise click.ClickException(f"--{error}") from None
    return frozenset(names)


@click.command()
@click.argument("base", type=FILE)
@click.argument("new", type=FILE)
@click.option("--threshold", callback=_share, default="5%", show_default=True, help="Change that counts.")
@click.option(
    "--metric",
    "metrics",
    callback=_metrics,
    multiple=True,
    metavar="NAME[=MARGIN]",
    help="What to compare: time (default), memory, energy, error, accuracy, or any other that `list` names; "
    "with a margin of its own: memory=1%, and in points for an accuracy: accuracy=0.3. May be repeated.",
)
@click.option("--normalise", is_flag=True, help="Between two devices: judge each kernel by its share of what its device can do.")
@click.option("--markdown", type=FILE, help="Write the verdicts to this file as Markdown.")
@click.option("--junit", type=FILE, help="Write them as JUnit XML.")
@click.option("--json", "as_json", type=FILE, help="Write them as JSON.")
@click.option("--all", "show_all", is_flag=True, help="Show the cases that are the same, too.")
@click.option(
    "--across",
    callback=_across,
    multiple=True,
    metavar="WHAT",
    help="Judge although they differ: machines, versions, graphs or clocks. May be repeated.",
)
def compare(base: Path, new: Path, show_all: bool, normalise: bool, **asked: Any) -> int:
    """Judge the results file NEW against BASE, case by case.

    A ratio is new / base: above 1 is slower. A case is slower where the ratio is above the threshold, and is no chance among
    all the cases: identical code fails one comparison in a hundred at most. An improvement never fails.

    Exit status: 0 nothing slower; 1 slower, missing or broken; 2 bad usage or unreadable file; 3 cannot be judged.
    """
    from rsc_bench.harness import compare, results
    from rsc_bench.harness.verdicts import terminal

    files = {name: asked.pop(name) for name in ("markdown", "junit", "as_json")}
    for target in files.values():
        if target is not None:
            guard(target, [base, new])
    judge = _normalising(asked) if normalise else compare.compare
    comparison = judge(results.read(base), results.read(new), **asked)
    _write_all(comparison, files)
    click.echo(terminal.text(comparison, show_all, *screen()), nl=False)
    return comparison.exit_status


def _normalising(asked: dict[str, Any]) -> Any:
    from rsc_bench.harness.normalise import normalise

    if asked.pop("metrics"):
        raise click.ClickException("--normalise judges times, and takes no --metric: leave one of them out")
    if "clocks" in asked["across"]:
        raise click.ClickException("--normalise needs one clock, and takes no --across clocks: leave one of them out")
    return normalise


def _write_all(comparison: Any, files: dict[str, Path | None]) -> None:
    from rsc_bench.harness.verdicts import as_json, junit, markdown

    outputs = {"markdown": markdown, "junit": junit, "as_json": as_json}
    for name, target in files.items():
        if target is not None:
            write_whole(target, outputs[name].text(comparison))
