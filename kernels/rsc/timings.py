"""Adds up where the seconds of training go: forward, backward, selecting, allocating, and the optimiser's step."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Literal

import torch

Part = Literal["forward", "backward", "select", "allocate", "optimiser"]
PARTS: tuple[Part, ...] = ("forward", "backward", "select", "allocate", "optimiser")
"""The last is no part of the method: who trains times it here, because here a GPU's seconds are read without waiting."""
_MOST_OPEN = 256


class Timings:
    """Seconds of each part since the start, or since `reset`.

    On a CPU by the host's clock. On a GPU by events, which are read when the seconds are, so that timing waits for nothing.
    """

    def __init__(self) -> None:
        self._seconds: dict[Part, float] = dict.fromkeys(PARTS, 0.0)
        self.named: Callable[[Part], AbstractContextManager[object]] = nullcontext
        """Opens a range around each part, for a profiler that shows names."""
        self._open: deque[tuple[Part, torch.cuda.Event, torch.cuda.Event]] = deque()

    @contextmanager
    def of(self, part: Part, device: torch.device) -> Iterator[None]:
        """Add what happens inside to `part`."""
        timed = self._between_events(part, device) if device.type == "cuda" else self._by_the_host(part)
        with self.named(part), timed:
            yield

    @contextmanager
    def _by_the_host(self, part: Part) -> Iterator[None]:
        start = time.perf_counter()
        try:
            yield
        finally:
            self._seconds[part] += time.perf_counter() - start

    @contextmanager
    def _between_events(self, part: Part, device: torch.device) -> Iterator[None]:
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
        start.record(torch.cuda.current_stream(device))  # not that of the current device, which may be another
        yield
        end.record(torch.cuda.current_stream(device))
        self._open.append((part, start, end))
        if len(self._open) > _MOST_OPEN:  # the oldest has long finished: reading it does not wait
            self._read_oldest()

    def _read_oldest(self) -> None:
        part, start, end = self._open.popleft()
        end.synchronize()
        self._seconds[part] += start.elapsed_time(end) / 1000

    def seconds(self) -> dict[Part, float]:
        """Return the seconds of each part; on a GPU this waits for what has been started."""
        while self._open:
            self._read_oldest()
        return dict(self._seconds)

    def reset(self) -> None:
        """Start from zero."""
        self.seconds()
        self._seconds = dict.fromkeys(PARTS, 0.0)
