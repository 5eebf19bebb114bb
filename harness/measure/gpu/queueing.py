"""Times calls on a GPU one by one, each enqueued while the device spins, so that no launch is on the clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

from rsc_bench.harness.measure.gpu.cuda import Gpu, seconds_between
from rsc_bench.harness.measure.timing import Sample, Timed

SHORTEST_S = 50e-6
LONGEST_S = 20e-3
"""Of a spin. A call that takes the host longer than this to enqueue takes the device longer still."""
MARGIN = 4.0
"""Spin so many times as long as the call took to enqueue last."""
TRIES = 3
"""After so many spins in a row that were over too early, it is the call that waits for the device."""
MOST_ROUNDS = 2 * TRIES
"""For one sample. On a busy host another call may be exposed in each round, and none of them so often in a row."""


@dataclass
class Spin:
    """How long the device is kept busy while the host enqueues one call of a round."""

    seconds: float = SHORTEST_S
    waits: bool = False
    """Whether the call was found to wait for the device itself: no spin is long enough for it."""
    _short: int = 0
    """Spins in a row that were too short."""

    def learn(self, enqueue_s: float, exposed: bool) -> bool:
        """Choose the length of the next spin; return whether this one was too short and the call is to be timed again."""
        self._short = self._short + 1 if exposed else 0
        self.waits = self.waits or self._short == TRIES
        self.seconds = 0.0 if self.waits else min(max(MARGIN * enqueue_s, SHORTEST_S), LONGEST_S)
        return exposed and not self.waits


@dataclass(frozen=True)
class _Call:
    """One call, as it was enqueued."""

    start: Any
    end: Any
    enqueue_s: float
    exposed: bool
    """Whether the device had begun with it before all of it was enqueued."""


@dataclass
class Queue:
    """Takes samples of a round of calls; learns for each call of the round how long the device must spin for it."""

    timed: Timed
    gpu: Gpu
    before: Callable[[], object] | None = None
    """What is enqueued in front of each call, off the clock: a flush of the L2."""
    spins: list[Spin] = field(init=False)
    """One for each call of a round: the one that selects may wait for the device, and the others not."""

    def __post_init__(self) -> None:
        self.spins = [Spin() for _ in range(self.timed.calls)]

    def take(self) -> Sample:
        """Return a sample; a round in which a spin was too short is made again, whole, so that one selection is in it.

        The last of `MOST_ROUNDS` is the sample in any case; what was exposed in it is counted.
        """
        with self.gpu.current():
            for _ in range(MOST_ROUNDS):
                calls = [self._enqueued(spin) for spin in self.spins]
                again = [spin.learn(call.enqueue_s, call.exposed) for spin, call in zip(self.spins, calls, strict=True)]
                self.timed.synchronise()
                if not any(again):
                    break
            return _sample(calls)

    def _enqueued(self, spin: Spin) -> _Call:
        if not spin.waits:
            self.gpu.spin(spin.seconds)
        if self.before is not None:
            self.before()
        start, end = self.gpu.event(), self.gpu.event()
        start.record()
        begun = self.gpu.now()
        self.timed.call()
        enqueue_s = self.gpu.now() - begun
        end.record()
        return _Call(start, end, enqueue_s, exposed=start.query())


def _sample(calls: list[_Call]) -> Sample:
    hidden = [call.enqueue_s for call in calls if not call.exposed]
    return Sample(
        seconds=sum(seconds_between(call.start, call.end) for call in calls),
        launch_s=fmean(hidden) if hidden else None,
        exposed_calls=len(calls) - len(hidden),
    )
