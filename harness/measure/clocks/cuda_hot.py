"""Time on the GPU between CUDA events, with the L2 as the call before left it."""

from __future__ import annotations

from rsc_bench.harness.measure.gpu.cuda import GPUS, Gpus
from rsc_bench.harness.measure.gpu.queueing import Queue
from rsc_bench.harness.measure.timing import Clock, Opened


def clock_of(gpus: Gpus) -> Clock:
    """Return the clock of some GPUs."""
    return Clock(
        name="cuda_hot",
        summary="Time on the GPU between CUDA events, the L2 as the call before left it, launch latency off the clock.",
        open=lambda timed: Opened(Queue(timed, gpus.gpu(timed.device)).take),
        devices=("cuda",),
        default=("cuda",),
        missing=gpus.missing,
    )


CLOCK = clock_of(GPUS)
