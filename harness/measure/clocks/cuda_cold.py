"""Time on the GPU between CUDA events, with the L2 flushed before every call."""

from __future__ import annotations

from rsc_bench.harness.measure.gpu.cuda import GPUS, Gpus
from rsc_bench.harness.measure.gpu.l2 import Flushes
from rsc_bench.harness.measure.gpu.queueing import Queue
from rsc_bench.harness.measure.timing import Clock, Opened, Timed


def clock_of(gpus: Gpus, flushes: Flushes) -> Clock:
    """Return the clock of some GPUs, whose flush was shown to reach memory, or to fall short of it; it ends with the clock."""

    def opened(timed: Timed) -> Opened:
        shown = flushes.shown(timed.device)
        return Opened(Queue(timed, gpus.gpu(timed.device), before=flushes.flush(timed.device)).take, shown.probe_s)

    return Clock(
        name="cuda_cold",
        summary="Time on the GPU between CUDA events, the L2 flushed before every call, launch latency off the clock.",
        open=opened,
        devices=("cuda",),
        default=("cuda",),
        missing=gpus.missing,
    )


CLOCK = clock_of(GPUS, Flushes(GPUS))
