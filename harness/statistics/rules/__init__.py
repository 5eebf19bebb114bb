"""What a decision rule is: the values of many cases on two sides in, what became of each out; one rule a file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from rsc_bench.fields import Plugin
from rsc_bench.harness.statistics.effects import Sides

Looks = Literal["same", "faster", "slower"]
"""What a ratio would be if it were sure; ``slower`` is worse and ``faster`` is better, also where the values are no times."""
Settled = Literal["same", "faster", "slower", "unclear"]
"""The same where it is sure, and ``unclear`` where it is not."""

MIN_ROUNDS = 3
"""Rounds on each side below which nothing is judged."""


@dataclass(frozen=True)
class Question:
    """One case with values on both sides."""

    sides: Sides
    """At least three values on each."""
    margin: float
    """Share by which the ratio must change to matter, 0.05 for 5 %."""
    kind: tuple[str, ...] = ()
    """Cases of one kind are measured in one way, and share their noise."""
    higher_is_better: bool = False


@dataclass(frozen=True)
class Answer:
    """What the numbers say of one case."""

    change: Settled
    ratio: float
    """New over base."""
    interval: tuple[float, float]
    """95 % confidence interval of the ratio, for this case by itself."""
    chance: float
    """Chance of a change for the worse as large as this one, or larger, where nothing changed."""
    chance_limit: float
    """What that chance must not exceed to count, among all the cases that are judged."""
    looks: Looks
    rounds_needed: int | None = None
    """Rounds on each side that would probably settle what is unclear; None where it is not, or where no number would."""
    no_slower: bool = False
    """Whether the interval rules out a change for the worse that matters."""


@dataclass(frozen=True)
class Rule(Plugin):
    """A way to judge; a file in ``harness/statistics/rules`` that defines ``RULE = Rule(...)`` is one (``compare --rule NAME``)."""

    name: str
    summary: str
    """One sentence: what it calls slower, and how often it is wrong on identical code."""
    judge: Callable[[Sequence[Question]], list[Answer]]
    """Judges all cases of a comparison together, and returns an answer for each question, in order."""
