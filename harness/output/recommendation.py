"""Draws recommendations for a reader, as a table and one plain sentence each, and for a program, as JSON types."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from rsc_bench.harness.compare.trained.controls import Earned
from rsc_bench.harness.compare.trained.drop import MIN_SEEDS, words
from rsc_bench.harness.compare.trained.group import Group
from rsc_bench.harness.compare.trained.recommend import Recommendation, Setting, exit_status, seeds_needed
from rsc_bench.harness.output.console import Screen, drawn
from rsc_bench.harness.records.case import Case
from rsc_bench.text import bench, plain

if TYPE_CHECKING:
    from rich.text import Text

Earnings = Mapping[Group, Sequence[Earned]]
"""What sampling earned over its controls in each setting of a training."""
NOTHING: Earnings = {}
STYLES = {
    "recommended": "bold green",
    "within": "",
    "unclear": "yellow",
    "too few seeds": "yellow",
    "beyond": "red",
    "failed": "bold red",
}


def as_text(recommendations: Sequence[Recommendation], screen: Screen, earned: Earnings = NOTHING) -> str:
    """Return the table of all settings, and below it the sentences, at the end those on controls.

    What had not converged is said first, for the table has verdicts.
    """
    from rich.text import Text

    before, sentences = [], []
    for title, each in zip(titles(recommendations), recommendations, strict=True):
        style = {"recommended": "green", "none": "red"}.get(each.status, "yellow")
        sentences.append(Text(plain(f"{', '.join(title)}: {_advice(each)}."), style))
        if said := unconverged(each):
            before.append(Text(plain(f"{', '.join(title)}: {said}"), "yellow"))
    sentences += [Text(plain(each.sentence(*title))) for title, _, each in _titled(earned, recommendations)]
    early = drawn(screen, *before, soft_wrap=True) if before else ""
    return early + drawn(screen, _table(recommendations)) + drawn(screen, *sentences, soft_wrap=True)


def as_tree(recommendations: Sequence[Recommendation], earned: Earnings = NOTHING) -> dict[str, Any]:
    """Return the recommendations, and what sampling earned over its controls, as JSON types."""
    trees = [_tree(each) for each in recommendations]
    controls = [
        _group(group) | asdict(each) | {"verdict": each.verdict, "sentence": each.sentence(*title)}
        for title, group, each in _titled(earned, recommendations)
    ]
    return {"exit_status": exit_status(recommendations), "recommendations": trees, "controls": controls}


def titles(groups: Sequence[Group | Recommendation]) -> list[tuple[str, str]]:
    """Return graph and model of each, and beyond them what is not the same in all, and how it was sampled if not as is usual."""
    ways = [each.way if isinstance(each, Recommendation) else None for each in groups]
    named = [(*_fields(each.training), each.machine) for each in groups]
    varies = [len({*column}) > 1 for column in zip(*named, strict=True)]
    beyond = [[field for field, varied in zip(fields, varies, strict=True) if varied] for fields in named]
    return [
        (each.training.graph_as_run, ", ".join([words(each.training), *more, *([way] if way else [])]))
        for each, more, way in zip(groups, beyond, ways, strict=True)
    ]


def _titled(earned: Earnings, recommendations: Sequence[Recommendation]) -> Iterator[tuple[tuple[str, str], Group, Earned]]:
    """What sampling earned in each setting, with its title among the recommendations, which may be of more trainings."""
    groups: list[Group | Recommendation] = [*earned, *recommendations]
    called = titles(groups)
    for title, (group, found) in zip(called, earned.items(), strict=False):
        for each in found:
            yield title, group, each


def _fields(training: Case) -> tuple[str, ...]:
    return training.reduce, training.dtype, training.device, f"{training.clock} clock"


def advice(recommendation: Recommendation) -> str:
    """Return what to train with, or why there is nothing to recommend, as a clause; that it had not converged comes first."""
    said = unconverged(recommendation)
    return (f"{said[0].lower()}{said[1:]} As it is: " if said else "") + _advice(recommendation)


def unconverged(recommendation: Recommendation) -> str:
    """Return in a sentence that exact training had not converged, which is said before any verdict; empty where it had."""
    if recommendation.converged:
        return ""
    late, seeds = recommendation.late
    when = f"the best epoch of exact training is among the last in {late} of {seeds} seeds"
    return f"Not converged ({when}): train for more --epochs before you judge."


def _advice(recommendation: Recommendation) -> str:
    chosen = recommendation.chosen
    if chosen:
        return f"train with {_name(chosen)}, {_gain(chosen)}: a drop of {_loss(chosen)}"
    if recommendation.status == "cannot be judged":
        return f"cannot be judged: {_why_not_judged(recommendation)}"
    return f"none stays within {recommendation.max_drop_points:g} points and gains time{_nearest(recommendation)}"


def _name(setting: Setting) -> str:
    return f"{setting.kernel} at C = {setting.budget:g}"


def _gain(setting: Setting) -> str:
    return f"{setting.speedup:.2f} times as fast end to end"


def _loss(setting: Setting) -> str:
    assert setting.drop is not None
    high = "" if setting.drop.high is None else f", with 95 % confidence at most {setting.drop.high:.2f}"
    return f"{setting.drop.mean:.2f} points{high} ({setting.seeds} seeds)"


def _why_not_judged(recommendation: Recommendation) -> str:
    """Why there is neither a setting to recommend nor none, and the command that would settle it."""
    if not recommendation.settings:
        return "no training with a sampled kernel, only exact ones"
    unclear = recommendation.unclear
    if unclear is None:
        most = max(setting.seeds for setting in recommendation.settings)
        few = f"needs at least {MIN_SEEDS} seeds, each trained exactly and sampled (has {most})"
        return f"{few}: {_train(recommendation, MIN_SEEDS)}"
    limit = recommendation.max_drop_points
    why = f"{_name(unclear)}, {_gain(unclear)}, has a drop of {_loss(unclear)}: neither surely within {limit:g} points nor beyond"
    needed = seeds_needed(unclear, limit)
    if needed is None:
        return f"{why}, and more seeds would hardly settle it"
    return f"{why}; about {needed} seeds would settle it: {_train(recommendation, needed, unclear)}"


def _train(recommendation: Recommendation, seeds: int, setting: Setting | None = None) -> str:
    """The command that trains with so many seeds, of one setting or of all of them."""
    case = recommendation.training
    settings = recommendation.settings if setting is None else (setting,)
    model, graph = recommendation.model_file or case.model, recommendation.graph_file or case.graph
    given = {"graph": graph, "reorder": case.reorder, "model": model, "layers": case.layers, "epochs": case.epochs}
    given |= {"width": case.width, "device": case.device}
    words = [f"--{name} {shlex.quote(str(value))}" for name, value in given.items() if value is not None]
    words += [f"--kernel {shlex.quote(name)}" for name in dict.fromkeys(each.kernel for each in settings)]
    words += [f"--budget {budget:g}" for budget in dict.fromkeys(each.budget for each in settings)]
    words += [f"--memory {case.freed_memory}"] * (case.freed_memory is not None)
    words += [f"--{name} {shlex.quote(value)}" for name, _, value in _options(recommendation.way)]
    words += [f"--recipe {shlex.quote(each)}" for each in recommendation.recipe_given]
    words += ["--amp bf16"] * case.dtype.endswith("-autocast")
    return f"`{bench(' '.join([*words, f'--seeds {seeds}']), suite='training')}`"


def _options(way: str | None) -> Iterator[tuple[str, str, str]]:
    """The options of `bench` that sample in a way: a record names it after them."""
    return (each.partition("=") for each in (way or "").split(",") if "=" in each)


def _nearest(recommendation: Recommendation) -> str:
    nearest, broken = recommendation.nearest, recommendation.breaks
    if nearest is None:
        return f": {_name(broken)} failed ({broken.failed})" if broken else ""
    if nearest.accuracy == "within":
        return f"; nearest is {_name(nearest)}, with a drop of {_loss(nearest)}, but only {_gain(nearest)}"
    return f"; nearest is {_name(nearest)}, {_gain(nearest)}, with a drop of {_loss(nearest)}"


def _table(recommendations: Sequence[Recommendation]) -> object:
    from rich.table import Table

    caption = "drop = exact - sampled test metric, paired by seed; at most = its one-sided 95 % upper bound"
    table = Table(caption=caption, caption_justify="left")
    table.add_column("graph and model", overflow="fold")
    for name in ("budget", "speedup", "metric", "drop", "at most", "seeds"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    table.add_column("kernel", overflow="fold")
    for title, each in zip(titles(recommendations), recommendations, strict=True):
        for row in _rows(title, each):
            table.add_row(*row)
        table.add_section()
    return table


def _rows(title: tuple[str, str], recommendation: Recommendation) -> Iterator[list[Text]]:
    """The settings of one graph and model; their names stand beside the first two."""
    from rich.text import Text

    for name, setting in zip_longest(title, recommendation.settings):
        if setting is None:
            yield [Text(plain(name))]
        else:
            verdict = "recommended" if setting is recommendation.chosen else setting.accuracy
            numbers = [Text(cell) for cell in _numbers(setting)]
            yield [Text(plain(name or "")), *numbers, Text(verdict, STYLES[verdict]), Text(_kernel(setting))]


def _kernel(setting: Setting) -> str:
    return plain(setting.kernel) + (f"\n{plain(setting.failed)}" if setting.failed else "")


def _numbers(setting: Setting) -> list[str]:
    drop = setting.drop
    speedup = "" if setting.speedup is None else f"{setting.speedup:.2f}x"
    points = [setting.metric, drop.mean if drop else None, drop.high if drop else None]
    return [f"{setting.budget:g}", speedup, *("" if each is None else f"{each:.2f}" for each in points), str(setting.seeds)]


def _tree(recommendation: Recommendation) -> dict[str, Any]:
    nearest = recommendation.nearest
    return _group(Group(recommendation.training, recommendation.machine)) | {
        "way": recommendation.way,
        "max_drop_points": recommendation.max_drop_points,
        "status": recommendation.status,
        "recommended": asdict(recommendation.chosen) if recommendation.chosen else None,
        "nearest": asdict(nearest) if nearest and not recommendation.chosen else None,
        "settings": [asdict(setting) for setting in recommendation.settings],
        "summary": advice(recommendation),
    }


def _group(group: Group) -> dict[str, Any]:
    names = ("graph", "model", "layers", "width", "epochs", "dtype", "device", "clock", "reduce", "freed_memory")
    return {name: getattr(group.training, name) for name in names} | {"machine": group.machine}
