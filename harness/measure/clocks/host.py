"""Wall time on the host, from a quiet device to a quiet device."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from time import perf_counter_ns

from rsc_bench.harness.measure.timing import Clock, Opened, Sample, Timed


def take(timed: Timed, now_ns: Callable[[], int] = perf_counter_ns) -> Sample:
    """Return the seconds that a round of calls took together."""
    timed.synchronise()
    start = now_ns()
    for _ in range(timed.calls):
        timed.call()
    timed.synchronise()
    return Sample((now_ns() - start) * 1e-9)


CLOCK = Clock(
    name="host",
    summary="Wall time on the host, caches as the call before left them, launch included.",
    open=lambda timed: Opened(partial(take, timed)),
    devices=("cpu", "cuda"),
    default=("cpu",),
)
