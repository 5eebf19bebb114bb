"""Time on the GPU between CUDA events, with the L2 as the call before left it."""

from __future__ import annotations

from rsc_bench.harness import cuda
from rsc_bench.harness.clocks import Clock, Opened
from rsc_bench.harness.queueing import Queue

CLOCK = Clock(
    name="cuda_hot",
    says="Time on the GPU between CUDA events, the L2 as the call before left it, launch latency off the clock.",
    open=lambda timed: Opened(Queue(timed, cuda.gpu(timed.device)).take),
    devices=("cuda",),
    default=("cuda",),
    missing=cuda.missing,
)
