"""Turns the two results files of a session in turns into a pool of rounds, and the pool into many comparisons."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from msgspec.structs import replace

from rsc_bench.harness.ab import AlternatingError, turns
from rsc_bench.harness.records.run import Record, Round, Run

Rounds = list[tuple[Round, list[Record]]]
SLOW_DOWN = "slow_down"
"""Field of the environment that says that a run was slowed on purpose (``pytest suites/ --slow-down``)."""


@dataclass(frozen=True)
class Pair:
    """Two runs to be compared."""

    base: Run
    new: Run


@dataclass(frozen=True)
class Pool:
    """Rounds of two sides that were taken in turns, A B, B A, A B, ..."""

    sides: Pair
    """All rounds of each side; as many of one as of the other, in the order of their indices."""
    injected: float | None
    """Share by which the new side was slowed on purpose; None where both are identical."""

    @property
    def rounds(self) -> int:
        """Rounds of each side."""
        return len(self.sides.base.rounds)

    @property
    def round_s(self) -> float | None:
        """Seconds from one round to the next, the mean; None where there is only one."""
        starts = [datetime.fromisoformat(start.started) for start, _ in self._in_time()]
        return (starts[-1] - starts[0]).total_seconds() / (len(starts) - 1) if len(starts) > 1 else None

    def apart(self, rounds: int) -> int:
        """Return how many comparisons of so many rounds on each side share no round with another."""
        return self.rounds // rounds

    def windows(self, rounds: int, most: int) -> list[Pair]:
        """Return comparisons of so many rounds on each side, at most about `most` of them, spread over the pool.

        Each is a stretch of rounds that were taken one after the other. Of identical code the sides are dealt anew in each, in
        turns from its first round on, and then the other way round: as many comparisons as there are first rounds, twice. Where
        one side is slowed, a round stays on its side, and there is a comparison for each first pair.
        """
        if self.injected is not None:
            starts = _spread(range(self.rounds - rounds + 1), most)
            return [self._cut(start, rounds) for start in starts]
        starts = _spread(range(2 * (self.rounds - rounds) + 1), most // 2)
        return [pair for start in starts for pair in self._dealt(start, rounds)]

    def _cut(self, start: int, rounds: int) -> Pair:
        base, new = (_run(side, side.rounds[start : start + rounds]) for side in (self.sides.base, self.sides.new))
        return Pair(base, new)

    def _dealt(self, start: int, rounds: int) -> Iterator[Pair]:
        taken = self._in_time()[start : start + 2 * rounds]
        dealt: tuple[Rounds, Rounds] = ([], [])
        for round_, (_, side) in zip(taken, turns(rounds), strict=True):
            dealt[side].append(round_)
        one, other = (_run(self.sides.base, rounds_of_side) for rounds_of_side in dealt)
        yield from (Pair(one, other), Pair(other, one))

    def _in_time(self) -> Rounds:
        sides = self.sides.base.rounds, self.sides.new.rounds
        return [sides[side][index - 1] for index, side in turns(self.rounds)]


def _run(side: Run, rounds: Rounds) -> Run:
    """A run of some rounds, numbered anew: those of one number are neighbours in time."""
    session = rounds[0][0].alternated
    numbered = [(replace(start, index=index, alternated=session), records) for index, (start, records) in enumerate(rounds, 1)]
    return Run(path=side.path, environment=side.environment, rounds=numbered)


def _spread(starts: Sequence[int], most: int) -> list[int]:
    step = max(1, -(-len(starts) // most))
    return list(starts[::step])


def pool(base: Run, new: Run) -> Pool:
    """Return the pool of two runs; raises `AlternatingError` where they were not taken in turns."""
    # A session that was ended between the two rounds of a pair leaves one of them alone.
    rounds = min(len(base.rounds), len(new.rounds))
    sides = [side.rounds[:rounds] for side in (base, new)]
    names = [{(start.alternated, start.index) for start, _ in side} for side in sides]
    sessions = {session for session, _ in names[0] | names[1]}
    if not rounds or names[0] != names[1] or len(sessions) > 1 or None in sessions:
        raise AlternatingError(f"{base.path} and {new.path}: must be the two files of one `aa`, taken in turns: give both of one")
    _check_slowed(base, new.path)
    injected = new.environment.get(SLOW_DOWN)
    return Pool(Pair(_run(base, sides[0]), _run(new, sides[1])), injected)


def _check_slowed(base: Run, new: Path) -> None:
    if base.environment.get(SLOW_DOWN) is not None:
        raise AlternatingError(f"{base.path}: was slowed on purpose, so it is the other side of {new}: give them in that order")
