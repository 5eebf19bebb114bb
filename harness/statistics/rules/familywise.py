"""Calls a case slower where identical code would be called so, in any of its cases, in at most 1 % of comparisons."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from rsc_bench.harness.statistics.chances import chance_above, interval, limits
from rsc_bench.harness.statistics.effects import Effects, Floats, effects
from rsc_bench.harness.statistics.pooling import pooled
from rsc_bench.harness.statistics.rules import Answer, Looks, Question, Rule
from rsc_bench.harness.statistics.settling import times_as_many


@dataclass(frozen=True)
class _Found:
    """What was found of many cases, one entry a case; as logarithms, above 0 is worse."""

    effects: Effects
    low: Floats
    high: Floats
    margin: Floats
    worse: tuple[Floats, Floats]
    """Chance of a change for the worse, and what it must not exceed."""
    better: tuple[Floats, Floats]


def judge(questions: Sequence[Question]) -> list[Answer]:
    """Return what became of each case, judged together because any of many may change by chance.

    With a margin m, for times (turned over where higher is better):

    * slower: the ratio is above 1 + m, and is no chance: the chance of such a ratio where nothing changed is within a limit
      that lets identical code be called slower, in any of its cases, in at most 1 % of comparisons;
    * faster: the mirror image;
    * same: the whole 95 % interval lies within [1/(1 + m), 1 + m]: not seeing a change is no proof that there is none;
    * unclear: everything else, with the rounds that would probably settle it.
    """
    if not questions:
        return []
    found = _found(questions)
    needed = _rounds_needed(found, questions)
    return [_answer(found, place, question, needed[place]) for place, question in enumerate(questions)]


def _found(questions: Sequence[Question]) -> _Found:
    sign = np.array([-1.0 if question.higher_is_better else 1.0 for question in questions])
    together = _effects(questions)
    worse = replace(together, log_ratio=sign * together.log_ratio)
    better = replace(worse, log_ratio=-worse.log_ratio)
    chances = chance_above(worse), chance_above(better)
    margin = np.log1p([question.margin for question in questions])
    return _Found(worse, *interval(worse), margin, (chances[0], limits(chances[0])), (chances[1], limits(chances[1])))


def _effects(questions: Sequence[Question]) -> Effects:
    """The effects in the order of the questions, those of one kind with their noise pooled."""
    kinds: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for place, question in enumerate(questions):
        kinds[question.kind].append(place)
    columns = np.empty((4, len(questions)))
    for places in kinds.values():
        part = pooled(effects([questions[place].sides for place in places]))
        columns[:, places] = part.log_ratio, part.variance, part.share, part.freedom
    return Effects(*columns)


def _rounds_needed(found: _Found, questions: Sequence[Question]) -> list[int | None]:
    """Rounds on each side that would probably settle each case, whether it is settled already or not."""
    middle = found.effects.log_ratio
    within = np.abs(middle) <= found.margin
    room = np.where(within, found.margin - np.abs(middle), np.abs(middle))
    limit = np.where(middle > 0, found.worse[1], found.better[1])
    more = times_as_many(found.effects, room, np.where(within, np.nan, limit))
    rounds = [min(len(question.sides.base), len(question.sides.new)) for question in questions]
    return [
        None if math.isinf(times) else max(has + 1, math.ceil(times * has - 1e-9))
        for times, has in zip(more.tolist(), rounds, strict=True)
    ]


def _answer(found: _Found, place: int, question: Question, needed: int | None) -> Answer:
    middle, low, high = (float(part[place]) for part in (found.effects.log_ratio, found.low, found.high))
    margin = float(found.margin[place])
    looks: Looks = "slower" if middle > margin else "faster" if middle < -margin else "same"
    chance, limit = (float(part[place]) for part in (found.better if looks == "faster" else found.worse))
    settled = -margin <= low and high <= margin if looks == "same" else chance <= limit
    ends = (-middle, -high, -low) if question.higher_is_better else (middle, low, high)
    ratio, *between = (math.exp(end) for end in ends)
    return Answer(
        change=looks if settled else "unclear",
        ratio=ratio,
        interval=(between[0], between[1]),
        chance=chance,
        chance_limit=limit,
        looks=looks,
        rounds_needed=None if settled else needed,
        no_slower=high <= margin,
    )


RULE = Rule(
    "familywise", "Student's t over rounds with pooled noise; wrong in at most 1 % of comparisons of identical code.", judge
)
