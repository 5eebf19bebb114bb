"""``recommend``: the fastest budget that stays accurate."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rsc_bench.cli._options import FILE, guard_shown, json_option, show
from rsc_bench.text import bench

if TYPE_CHECKING:
    from rsc_bench.harness.compare.trained.recommend import Recommendation


def _points(_context: click.Context, _parameter: click.Parameter, text: str) -> float:
    """The drop that is accepted, in points of the test metric."""
    try:
        points = float(text)
    except ValueError:
        points = math.nan
    if not 0 <= points <= 100:
        raise click.ClickException(f"--max-drop must be between 0 and 100 points (got {text!r}): write 0.3")
    return points


@click.command("recommend")
@click.argument("results", nargs=-1, required=True, type=FILE)
@click.option(
    "--max-drop",
    callback=_points,
    default="0.3",
    show_default=True,
    metavar="POINTS",
    help="Points of test metric that may be lost.",
)
@click.option("--model", metavar="NAME|FILE.py", help="Only the trainings of this model, or of the one in your file.")
@json_option
def recommend_(results: tuple[Path, ...], max_drop: float, model: str | None, as_json: Path | None) -> int:
    """Name the fastest setting that stays accurate.

    One for each graph, model and way to sample in RESULTS.

    Accurate: the drop of the test metric below exact training, paired by seed, is at most --max-drop with 95 % confidence.

    Exit status: 0 one for each; 1 none for some; 2 bad usage or no training in RESULTS; 3 cannot be judged: more seeds would tell.
    """
    from rsc_bench.harness.compare.trained.controls import earned
    from rsc_bench.harness.compare.trained.recommend import exit_status, recommend
    from rsc_bench.harness.output import recommendation
    from rsc_bench.harness.output.console import screen
    from rsc_bench.harness.records.file import read

    guard_shown(as_json, results)
    runs = [read(path) for path in results]
    found = recommend(runs, max_drop)
    if not found:
        names = ", ".join(map(str, results))
        raise click.ClickException(f"{names}: no training is recorded: `{bench(suite='training')}` records some")
    if model is not None:
        found = _of_model(found, model)
    shown = {(one.training, one.machine) for one in found}
    against = {group: each for group, each in earned(runs).items() if group in shown}
    show(lambda: recommendation.as_text(found, screen(), against), lambda: recommendation.as_tree(found, against), as_json)
    return exit_status(found)


def _of_model(found: tuple[Recommendation, ...], given: str) -> tuple[Recommendation, ...]:
    """Return those of one model, which a file of the user may have; they name that file in what they say to run next."""
    name, file = given, None
    if given.endswith(".py"):
        from rsc_bench.suites.training.models import ModelError, named

        try:
            name, file = named(given), given
        except ModelError as error:
            raise click.ClickException(str(error)) from error
    kept = tuple(replace(each, model_file=file) for each in found if each.training.model == name)
    if not kept:
        known = ", ".join(sorted({each.training.model or "" for each in found}))
        raise click.ClickException(f"--model {given}: no training of {name} is recorded: recorded are {known}")
    return kept


COMMAND = recommend_
