"""Hands samples that were taken already to pytest-benchmark, through its public fixture and marker."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class ReplayTimer:
    """A timer that stands still, except that each `step` moves it on by the next recorded sample.

    pytest-benchmark reads a timer before and after each call. Given this timer and `step` as the call, it sees our clock's
    samples, in order, and its table, ``--benchmark-json`` and ``--benchmark-compare`` work on them.
    """

    def __init__(self) -> None:
        self._samples: list[float] = []
        self._now_s = 0.0

    def __call__(self) -> float:
        """Return the time it is by the samples."""
        return self._now_s

    def begin(self) -> None:
        """Go back to zero, so that a difference of two readings is the sample itself and not its rounding."""
        self._now_s = 0.0

    def step(self) -> None:
        """Let one sample pass."""
        self._now_s += self._samples.pop(0)

    def show(self, benchmark: Any, samples: Sequence[float]) -> None:
        """Give `samples`, in seconds, to a `benchmark` fixture whose marker names this timer."""
        self._samples = list(samples)
        benchmark.pedantic(self.step, setup=self.begin, rounds=len(samples), iterations=1)


REPLAY = ReplayTimer()
"""The one timer of a run: pytest-benchmark takes it by marker, when the suites are collected."""
