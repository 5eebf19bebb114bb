"""Gives names to stretches of work, which profilers show, and adds up the time of each name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from time import perf_counter
from typing import Any


@dataclass(frozen=True)
class Entry:
    """The time of one name."""

    name: str
    calls: int | None
    """How often it was entered; None for what is left over."""
    host_s: float
    """Seconds on the host: of an operation, those in which no other operation ran inside it."""
    device_s: float | None
    """Seconds on the GPU; None where there is none."""


class Ranges:
    """Opens ranges: in torch's profiler, as NVTX to Nsight where there is a GPU, and on clocks of their own."""

    def __init__(self, device: str, torch: Any = None) -> None:
        """Begin with no range.

        Args:
            device: ``cpu`` or ``cuda:0``.
            torch: the module of that name, imported where it is not given.
        """
        if torch is None:
            import torch
        self._torch = torch
        self._on_gpu = device != "cpu"
        self._host_s: list[tuple[str, float]] = []
        self._events: list[tuple[str, Any, Any]] = []

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Name what happens inside; ranges may stand in one another, and in the threads of autograd."""
        nvtx = self._torch.cuda.nvtx.range(name) if self._on_gpu else nullcontext()
        with self._torch.profiler.record_function(name), nvtx, self._between_events(name) if self._on_gpu else nullcontext():
            start = perf_counter()
            try:
                yield
            finally:
                self._host_s.append((name, perf_counter() - start))

    @contextmanager
    def _between_events(self, name: str) -> Iterator[None]:
        start, end = (self._torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        yield
        end.record()
        self._events.append((name, start, end))

    def wait(self) -> None:
        """Wait until the GPU is done, where there is one."""
        if self._on_gpu:
            self._torch.cuda.synchronize()

    def entry(self, name: str) -> Entry:
        """Return the time of all ranges of a name together; on a GPU that between its reaching their beginning and their end."""
        host_s = [seconds for named, seconds in self._host_s if named == name]
        if not self._on_gpu:
            return Entry(name, len(host_s), sum(host_s), None)
        self.wait()
        device_s = sum(start.elapsed_time(end) / 1e3 for named, start, end in self._events if named == name)
        return Entry(name, len(host_s), sum(host_s), device_s)
