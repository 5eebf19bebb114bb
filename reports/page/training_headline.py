"""Turns the recommendations into the numbers that stand first on a training's page: how fast, how accurate, where it breaks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from rsc_bench.harness.compare.trained.candidates import Failed
from rsc_bench.harness.compare.trained.drop import Drop, words
from rsc_bench.harness.compare.trained.recommend import Recommendation, Setting
from rsc_bench.harness.output.recommendation import advice, unconverged
from rsc_bench.harness.records.case import KEPT, Case
from rsc_bench.kinds import BASELINES
from rsc_bench.reports.tables.rows import present
from rsc_bench.reports.tables.table import PYG, TORCH_SPARSE, VENDOR, Table
from rsc_bench.reports.tables.trainings import Spread, Trained, earned, failed, in_way, over_seeds, settings

# Speedups other than the one that is quoted, and how they are called; the vendor's library by its name.
BESIDE = {VENDOR: "", TORCH_SPARSE: "vs torch-sparse", "backward speedup": "backward"}


LITTLE = 1.05
"""Speedup against exact training below which the page says that sampling gains little."""
DRAWN = "batches"
"""The phase that a training of mini-batches has which are drawn anew in each epoch."""


@dataclass(frozen=True)
class Line:
    """One setting over its seeds, a line of the table; what is absent is None."""

    budget: float | None
    """None for exact training."""
    kernel: str
    seeds: int
    score: Spread | None
    """Test metric in points; None where every seed failed."""
    drop: Drop | None
    """None for exact training."""
    pyg: float | None
    """Speedup end to end, against PyTorch Geometric as most people write it."""
    speedup: float | None
    """The same against the fastest exact training."""
    beside: tuple[float | None, ...]
    """The other speedups, those that any line has."""
    accuracy: str
    """Where the drop lies; empty for exact training."""


@dataclass(frozen=True)
class Gain:
    """How many times as fast as PyTorch Geometric, as most people write it, a training is, and by what."""

    whole: float
    """Of the setting to train with, or of exact training where there is none."""
    exact: float
    """Of exact training with a kernel of this project, which costs no accuracy."""
    kernel: str
    """The exact kernel."""
    sampling: float | None
    """Speedup of the setting to train with against exact training; None where there is no such setting."""
    memory: float | None = None
    """Speedup of exact training in a process that keeps freed memory against the same in one that does not; None: not measured."""


@dataclass(frozen=True)
class TrainingHeadline:
    """What sampled training gains on one graph with one model."""

    file: str
    graph: str
    trained: str
    """The model, how deep, how wide, how long."""
    setting: str
    """Number type, device, timing mode and aggregation."""
    metric: str
    gain: Gain | None
    """None where training by PyTorch Geometric's own code, or exact training, was not measured."""
    lead: Setting | None
    """The setting to train with; None where there is none."""
    judged: bool
    """Whether there are seeds enough to say that there is a setting to train with, or none."""
    unconverged: str
    """That training had not converged, in a sentence that stands before every number; empty where it had."""
    summary: str
    """What to train with, or why there is nothing to recommend, without that."""
    breaks: str
    """At which budget it breaks, in words."""
    little: str
    """That sampling gains little, and why where that is known; empty where it gains something."""
    earned: tuple[str, ...]
    """A sentence for each budget: whether sampling earned anything over the best control at equal time."""
    beside: tuple[str, ...]
    """What the other speedups of the lines are."""
    lines: tuple[Line, ...]
    """Exact training first, then in descending budget."""


def training_headlines(table: Table) -> list[TrainingHeadline]:
    """Return a headline for each graph and model that was trained."""
    found = settings(table.trainings)
    return [_headline(table, file, each, found) for file, each in table.recommendations]


def _headline(
    table: Table, file: str, recommendation: Recommendation, found: dict[tuple[Any, ...], list[Trained]]
) -> TrainingHeadline:
    case = recommendation.training
    every = found.get(_key(file, case), [])
    trained = in_way(every, recommendation.way)
    kept = (
        in_way(found.get(_key(file, msgspec.structs.replace(case, freed_memory=KEPT)), []), recommendation.way)
        if case.freed_memory is None
        else []
    )
    beside = [name for name in BESIDE if any(over_seeds(each.rows, name) for each in trained)]
    return TrainingHeadline(
        file=file,
        graph=case.graph_as_run,
        trained=", ".join([words(case), *filter(None, [recommendation.way])]),
        setting=" · ".join([case.dtype, case.device, f"timing mode {case.clock}", f"{case.reduce} aggregation"]),
        metric=trained[0].metric if trained else "metric",
        gain=_gain(trained, recommendation.chosen, kept),
        lead=recommendation.chosen,
        judged=recommendation.status != "cannot be judged",
        unconverged=unconverged(recommendation),
        summary=advice(replace(recommendation, late=(0, 0))),
        breaks=_breaks(recommendation),
        little=_little(trained),
        earned=_earned(every, trained, failed(table.unmeasured, file, case)),
        beside=tuple(BESIDE[name] or _vendor(trained) for name in beside),
        lines=tuple(_lines(trained, recommendation, beside)),
    )


def _key(file: str, case: Case) -> tuple[str, ...]:
    return file, case.graph_as_run, words(case), case.dtype, case.device, case.clock, case.reduce


def _exact(trained: Sequence[Trained]) -> Trained | None:
    """Exact training with the fastest kernel that is ours to choose."""
    return next((each for each in trained if each.budget is None and each.kernel not in BASELINES), None)


def _gain(trained: Sequence[Trained], lead: Setting | None, kept: Sequence[Trained]) -> Gain | None:
    exact = _exact(trained)
    chosen = next((each for each in trained if lead and (each.kernel, each.budget) == (lead.kernel, lead.budget)), exact)
    speedups = [over_seeds(each.rows, PYG) if each else None for each in (chosen, exact)]
    if exact is None or speedups[0] is None or speedups[1] is None:
        return None
    sampling, memory = lead.speedup if lead else None, _by_memory(exact, _exact(kept))
    return Gain(speedups[0].middle, speedups[1].middle, exact.kernel, sampling, memory)


def _by_memory(exact: Trained, kept: Trained | None) -> float | None:
    seconds = [over_seeds(each.rows, "training") if each else None for each in (exact, kept)]
    return seconds[0].middle / seconds[1].middle if seconds[0] and seconds[1] else None


def _lines(trained: Sequence[Trained], recommendation: Recommendation, beside: Sequence[str]) -> Iterator[Line]:
    by_name = {(each.kernel, each.budget): each for each in trained}
    for each in trained:
        if each.budget is None:
            yield _line(each, None, beside)
    for setting in reversed(recommendation.settings):
        yield _line(by_name.get((setting.kernel, setting.budget)), setting, beside)


def _vendor(trained: Sequence[Trained]) -> str:
    names = {row[f"{VENDOR} against"] for each in trained for row in each.rows if present(row, VENDOR)}
    return f"vs {', '.join(sorted(names))}"


def _breaks(recommendation: Recommendation) -> str:
    breaks, tried = recommendation.breaks, recommendation.settings
    if breaks is None:
        accurate = bool(tried) and all(each.accuracy == "within" for each in tried)
        return f"Stays accurate down to C = {tried[0].budget:g}, the smallest budget measured." if accurate else ""
    if breaks.failed:
        return f"Fails at C = {breaks.budget:g}: {breaks.failed}."
    return f"Breaks at C = {breaks.budget:g}: {breaks.drop.mean:.2f} points below exact." if breaks.drop else ""


def _little(trained: Sequence[Trained]) -> str:
    speedups = [each.speedup.middle for each in trained if each.budget is not None and each.speedup]
    if not speedups or max(speedups) >= LITTLE:
        return ""
    once = any(DRAWN in (row["series"].phase_s or {}) for each in trained for row in each.rows)
    why = ": each mini-batch is a graph that is seen once, so what is prepared and selected for it serves one step" if once else ""
    return f"Sampling gains little here, {max(speedups):.2f} times the speed of exact training at best{why}."


def _earned(every: Sequence[Trained], trained: Sequence[Trained], lost: Failed) -> tuple[str, ...]:
    ours = {(each.kernel, each.budget, each.variant) for each in trained}
    found = [each for each in earned(every, failed=lost) if (each.kernel, each.budget, each.variant) in ours]
    many = len({each.kernel for each in found}) > 1
    return tuple(f"{each.kernel}, {each.sentence()}" if many else each.sentence() for each in found)


def _line(trained: Trained | None, setting: Setting | None, beside: Sequence[str]) -> Line:
    rows = trained.rows if trained else []
    pyg, *spreads = [over_seeds(rows, name) for name in (PYG, *beside)]
    return Line(
        budget=setting.budget if setting else None,
        kernel=setting.kernel if setting else trained.kernel if trained else "",
        seeds=len(rows),
        score=trained.score if trained else None,
        drop=setting.drop if setting else None,
        pyg=pyg.middle if pyg else None,
        speedup=trained.speedup.middle if trained and trained.speedup else None,
        beside=tuple(spread.middle if spread else None for spread in spreads),
        accuracy=setting.accuracy if setting else "",
    )
