"""Time on the GPU to replay the calls as one CUDA graph."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from rsc_bench.harness.measure.gpu.cuda import GPUS, Gpu, Gpus
from rsc_bench.harness.measure.gpu.queueing import Queue
from rsc_bench.harness.measure.timing import CannotTime, Clock, Opened, Sample, Timed
from rsc_bench.text import error_line


def clock_of(gpus: Gpus) -> Clock:
    """Return the clock of some GPUs; its graph has a whole round of calls, the selecting one included, and is captured once."""

    def opened(timed: Timed) -> Opened:
        gpu = gpus.gpu(timed.device)
        graph = _captured(timed, gpu)
        queue = Queue(replace(timed, call=graph.replay, calls=1), gpu)
        return Opened(lambda: _per_call(queue.take(), timed.calls))

    return Clock(
        name="cuda_graph",
        summary="Time on the GPU to replay the calls as a CUDA graph, captured once; the L2 as the replay before left it.",
        open=opened,
        devices=("cuda",),
        missing=gpus.missing,
    )


def _captured(timed: Timed, gpu: Gpu) -> Any:
    generators: list[Any] = []
    # Once more before capturing, on a stream like the capture's: what a library sets up for a stream cannot be captured.
    gpu.on_side_stream(lambda: generators.extend(gpu.drawn_from(lambda: _round(timed))))
    first: list[Exception] = []

    def captured_round() -> None:
        try:
            _round(timed)
        except Exception as error:
            first.append(error)  # ending a capture that has failed raises once more, and with less in its message
            raise

    try:
        return gpu.captured(captured_round, generators)
    except Exception as error:
        raise CannotTime(f"cannot be captured in a CUDA graph: {error_line(first[0] if first else error)}") from error


def _round(timed: Timed) -> None:
    for _ in range(timed.calls):
        timed.call()


def _per_call(sample: Sample, calls: int) -> Sample:
    launch_s = None if sample.launch_s is None else sample.launch_s / calls
    return replace(sample, launch_s=launch_s, exposed_calls=calls * (sample.exposed_calls or 0))


CLOCK = clock_of(GPUS)
