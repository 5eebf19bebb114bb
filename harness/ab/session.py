"""Takes the rounds of two sides in turns, and writes each to the results file of its side as soon as it is there."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from time import monotonic

from msgspec.structs import replace

from rsc_bench.harness.ab import AlternatingError, Side, turns
from rsc_bench.harness.ab.one_round import set_up, take
from rsc_bench.harness.ab.scratch import scratch
from rsc_bench.harness.ab.written import commit_of
from rsc_bench.harness.records.appending import ResultsFile
from rsc_bench.harness.records.environments import differences
from rsc_bench.harness.records.run import Round, Run
from rsc_bench.text import minutes


@dataclass(frozen=True)
class Plan:
    """What is to be measured."""

    sides: tuple[Side, Side]
    """Of two checkouts, or of one twice."""
    rounds: int
    """Of each side, at least 1."""
    set_up: tuple[str, ...] = ()
    """A program and its arguments that is run once in each checkout, before the first round; empty: none."""


def measure(plan: Plan, say: Callable[[str], None]) -> None:
    """Take all rounds; raises `AlternatingError` or `ResultsError` where one cannot be taken or kept.

    What was taken before that, or before an interruption, is in the files.

    Args:
        plan: the sides and the rounds.
        say: takes a line after each round.
    """
    # Pairs are made within a session only: two sessions share no moment.
    start = Round(index=0, of=plan.rounds, cases=0, started="", alternated=os.urandom(6).hex())
    planned = turns(plan.rounds)
    with ExitStack() as stack:
        folder = stack.enter_context(scratch())
        for side in plan.sides:
            if not side.place.is_dir():
                raise AlternatingError(f"{side.name} has no folder {side.within}: go to one that both sides have")
            commit_of(side.folder)
        for side in plan.sides if plan.set_up else ():
            set_up(side, plan.set_up, folder)
            say(f"set up {side.name}")
        books, began = [stack.enter_context(_Book(side)) for side in plan.sides], monotonic()
        for done, (index, place) in enumerate(planned, 1):
            book, since = books[place], monotonic()
            run = take(book.side, folder)
            book.add(run, replace(start, index=index))
            now = monotonic()
            left_s = (now - began) / done * (len(planned) - done)
            took = f"{len(run.records)} case{'s' * (len(run.records) != 1)} in {now - since:.1f} s"
            say(f"round {index}/{plan.rounds} of {book.side.name}: {took}, {minutes(left_s)} left")


class _Book:
    """The results file of a side, made with its first round, which knows the environment."""

    def __init__(self, side: Side) -> None:
        self.side = side
        self._environment: dict[str, object] = {}
        self._file: ResultsFile | None = None

    def __enter__(self) -> _Book:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def add(self, run: Run, start: Round) -> None:
        """Write a run of one round, begun as `start` says."""
        if self._file is None:
            self._environment = run.environment
            self._file = ResultsFile(self.side.results, run.environment)
        changed = ", ".join(differences(self._environment, run.environment))
        if changed:
            raise AlternatingError(f"{self.side.name}: the environment changed between two rounds ({changed}): measure again")
        (own, records), *_ = run.rounds
        self._file.start_round(replace(own, index=start.index, of=start.of, alternated=start.alternated))
        for record in records:
            self._file.append(record)
