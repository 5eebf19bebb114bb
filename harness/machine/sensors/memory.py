"""Memory of the GPU, of all processes and of this one."""

from __future__ import annotations

import os
from collections.abc import Sequence

from rsc_bench.harness.machine.nvml import Gpu, NvmlError, Process
from rsc_bench.harness.machine.sensors import Sensor


def others(running: Sequence[Process]) -> list[Process]:
    """Return the processes that are not this one.

    A container numbers processes anew: where none has this one's number, a lone one is this one, and of several it cannot be
    said: all are returned.
    """
    own = os.getpid()
    if len(running) == 1 or any(process.pid == own for process in running):
        return [process for process in running if process.pid != own and len(running) > 1]
    return list(running)


def _own_bytes(gpu: Gpu) -> tuple[int | None]:
    running = gpu.processes()
    foreign = others(running)
    own = [process for process in running if process not in foreign]
    if len(own) != 1 or own[0].used_bytes is None:
        raise NvmlError(f"which of {len(running)} processes on the GPU is this one, and how much it uses, is not known")
    return (own[0].used_bytes,)


def _memory(gpu: Gpu) -> tuple[int, int]:
    memory = gpu.ask("MemoryInfo")
    return int(memory.used), int(memory.free)


SENSORS = (
    Sensor(
        "memory",
        ("used_bytes", "free_bytes"),
        _memory,
        summary="Memory of the GPU that all processes use, and that is free, in bytes.",
    ),
    Sensor(
        "process memory",
        ("process_bytes",),
        _own_bytes,
        of_this_process=True,
        summary="Memory of the GPU that this process uses, in bytes.",
    ),
)
