"""Time on the GPU between CUDA events, with the L2 as the call before left it."""

from __future__ import annotations

from rsc_bench.harness.measure.clocks import Clock, Opened
from rsc_bench.harness.measure.gpu import cuda
from rsc_bench.harness.measure.gpu.queueing import Queue

CLOCK = Clock(
    name="cuda_hot",
    summary="Time on the GPU between CUDA events, the L2 as the call before left it, launch latency off the clock.",
    open=lambda timed: Opened(Queue(timed, cuda.gpu(timed.device)).take),
    devices=("cuda",),
    default=("cuda",),
    missing=cuda.missing,
)
