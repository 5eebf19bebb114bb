"""Time on the GPU between CUDA events, with the L2 flushed before every call."""

from __future__ import annotations

from rsc_bench.harness.measure.clocks import Clock, Opened, Timed
from rsc_bench.harness.measure.gpu import cuda, l2
from rsc_bench.harness.measure.gpu.queueing import Queue


def opened(timed: Timed) -> Opened:
    """Return the clock with a flush that has been shown to reach memory, or to fall short of it; the flush ends with the clock."""
    probe_s = l2.shown(timed.device).probe_s
    return Opened(Queue(timed, cuda.gpu(timed.device), before=l2.flush(timed.device)).take, probe_s)


CLOCK = Clock(
    name="cuda_cold",
    summary="Time on the GPU between CUDA events, the L2 flushed before every call, launch latency off the clock.",
    open=opened,
    devices=("cuda",),
    default=("cuda",),
    missing=cuda.missing,
)
