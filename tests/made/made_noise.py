"""Makes suites of measurements with known noise and known changes, and counts what the rule makes of them.

`python tests/made/made_noise.py` prints how often the rule is wrong and how often it finds a change, one table a way to measure.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np

from rsc_bench.harness.statistics.effects import Sides
from rsc_bench.harness.statistics.rules import Answer, Question
from rsc_bench.harness.statistics.rules.familywise import judge

CASES = 250
SLOWED = 5
"""Cases of a suite that are slowed in a study of power: so few that the correction helps them little."""


# Each draws the logarithms of the times of some cases in consecutive rounds, `spread` being 2 % on a noisy machine.
def normal(draw, cases, rounds, spread):
    return draw.normal(0, spread, (cases, rounds))


def linear_drift(draw, cases, rounds, spread):
    """All times grow by half the spread from each round to the next."""
    return normal(draw, cases, rounds, spread) + 0.5 * spread * np.arange(rounds)


def sinusoid(draw, cases, rounds, spread):
    """A wave of 7.3 rounds and 1.5 times the spread, as of a machine that warms up and cools down."""
    phase = draw.random((cases, 1))
    return normal(draw, cases, rounds, spread) + 1.5 * spread * np.sin(2 * np.pi * (np.arange(rounds) / 7.3 + phase))


def bursts(draw, cases, rounds, spread):
    """In a tenth of the rounds a case takes 50 % longer, each case on its own."""
    return normal(draw, cases, rounds, spread) + np.log(1.5) * (draw.random((cases, rounds)) < 0.1)


def burst_rounds(draw, cases, rounds, spread):
    """In a tenth of the rounds all cases take 50 % longer."""
    return normal(draw, cases, rounds, spread) + np.log(1.5) * (draw.random((1, rounds)) < 0.1)


def autocorrelated(draw, cases, rounds, spread):
    """AR(1): each round inherits half of the one before."""
    noise = normal(draw, cases, rounds, spread)
    for place in range(1, rounds):
        noise[:, place] = 0.5 * noise[:, place - 1] + np.sqrt(0.75) * noise[:, place]
    return noise


def heavy_tails(draw, cases, rounds, spread):
    """Student's t of two degrees of freedom, whose variance is infinite."""
    return 0.6 * spread * draw.standard_t(2, (cases, rounds))


def one_sided(draw, cases, rounds, spread):
    """Exponential: other load only ever adds time."""
    return draw.exponential(spread, (cases, rounds))


def unlike(draw, cases, rounds, spread):
    """Some cases are several times as noisy as others (log-normal, sigma 0.7)."""
    return normal(draw, cases, rounds, spread) * draw.lognormal(0, 0.7, (cases, 1))


def shared(draw, cases, rounds, spread, share=0.5):
    """Half of the variance is luck that all cases of a round share."""
    own, common = normal(draw, cases, rounds, spread), normal(draw, 1, rounds, spread)
    return np.sqrt(1 - share) * own + np.sqrt(share) * common


def mostly_shared(draw, cases, rounds, spread):
    """Nine tenths of the variance are: then the cases say next to nothing of each other's luck."""
    return shared(draw, cases, rounds, spread, share=0.9)


def two_modes(draw, cases, rounds, spread, share_of_all=False):
    """Each process takes 22.5 or 25.5 ms, as its memory happens to lie, and hardly spreads inside; case by case."""
    slow = draw.random((1 if share_of_all else cases, rounds)) < 0.5
    return normal(draw, cases, rounds, 0.001) + np.log(25.5 / 22.5) * slow


def two_modes_of_all(draw, cases, rounds, spread):
    """The same, all cases of a process in one mode."""
    return two_modes(draw, cases, rounds, spread, share_of_all=True)


Noise = Callable[[np.random.Generator, int, int, float], np.ndarray]
NOISES: tuple[Noise, ...] = (
    normal,
    unlike,
    shared,
    one_sided,
    heavy_tails,
    bursts,
    burst_rounds,
    linear_drift,
    sinusoid,
    autocorrelated,
)


@dataclass(frozen=True)
class Way:
    """How the rounds of two sides are taken."""

    name: str
    order: str
    """Which side has its round, over and over: ``b`` base, ``n`` new; empty: all of base, then all of new."""
    paired: bool

    def split(self, noise: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the rounds of base and those of new, from all in the order of time."""
        turns = np.resize(list(self.order), noise.shape[1]) if self.order else np.repeat(["b", "n"], noise.shape[1] // 2)
        return noise[:, turns == "b"], noise[:, turns == "n"]


IN_TURNS = Way("in turns, paired", "bnnb", paired=True)
APART = Way("one file after the other", "", paired=False)


@dataclass(frozen=True)
class Suite:
    """A suite of identical code, measured twice, and what is done to it."""

    noise: Noise = normal
    way: Way = IN_TURNS
    rounds: int = 9
    spread: float = 0.02
    margin: float = 0.05
    cases: int = CASES

    def judged(self, draw: np.random.Generator, factor: float = 1.0) -> list[Answer]:
        """Return the verdicts on one such suite, its first five cases slowed by a factor."""
        base, new = self.way.split(self.noise(draw, self.cases, 2 * self.rounds, self.spread))
        new[:SLOWED] += np.log(factor)
        sides = zip(np.exp(base), np.exp(new), strict=True)
        return judge([Question(Sides(before, after, self.way.paired), self.margin) for before, after in sides])


def coverage(suite: Suite, suites: int, draw: np.random.Generator) -> float:
    """Return the share of 95 % intervals that hold the truth, a ratio of 1."""
    covered = [low <= 1 <= high for _ in range(suites) for low, high in (answer.interval for answer in suite.judged(draw))]
    return float(np.mean(covered))


def false_alarms(suite: Suite, suites: int, draw: np.random.Generator) -> tuple[float, float]:
    """Return the share of suites with a false "slower", and that of cases."""
    slower = np.array([[answer.change == "slower" for answer in suite.judged(draw)] for _ in range(suites)])
    return float(slower.any(axis=1).mean()), float(slower.mean())


def caught(suite: Suite, factor: float, suites: int, draw: np.random.Generator) -> float:
    """Return the share of slowed cases that are called slower."""
    found = [[answer.change == "slower" for answer in suite.judged(draw, factor)[:SLOWED]] for _ in range(suites)]
    return float(np.mean(found))


HEADINGS = ("noise", "interval holds the truth", "suites with a false slower", "cases", "10 % caught", "5 % caught, quiet")


def _row(suite: Suite, suites: int, draw: np.random.Generator) -> list[str]:
    quiet = replace(suite, spread=0.01, margin=0.025)
    shares = [coverage(suite, suites // 2, draw), *false_alarms(suite, suites, draw)]
    shares += [caught(suite, 1.10, suites // 2, draw), caught(quiet, 1.05, suites // 2, draw)]
    return [suite.noise.__name__.replace("_", " "), *(f"{100 * share:.3g} %" for share in shares)]


def _tables(suites: int = 200) -> None:
    import click

    draw = np.random.default_rng(1)
    for way, rounds in ((IN_TURNS, 9), (IN_TURNS, 5), (IN_TURNS, 3), (APART, 9), (APART, 3)):
        click.echo(f"\n{way.name}, {rounds} rounds\n\n| {' | '.join(HEADINGS)} |\n|{' --- |' * len(HEADINGS)}")
        for noise in NOISES:
            click.echo(f"| {' | '.join(_row(Suite(noise, way, rounds), suites, draw))} |")


if __name__ == "__main__":
    _tables()
