"""Wall time on the host, from a quiet device to a quiet device."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter_ns

from harness.clocks import Clock


def sample(call: Callable[[], object], calls: int, synchronise: Callable[[], None]) -> float:
    """Return the seconds that `calls` calls took together."""
    synchronise()
    start = perf_counter_ns()
    for _ in range(calls):
        call()
    synchronise()
    return (perf_counter_ns() - start) * 1e-9


CLOCK = Clock("host", "Wall time on the host, caches as the call before left them, launch included.", sample)
