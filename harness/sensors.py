"""What a GPU is asked at each reading: one question gives the values of one or more columns of the telemetry."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from rsc_bench.harness.nvml import Gpu, NvmlError, Process, every, session

# nvml.h; as numbers, the library need not be imported to name them.
SM_CLOCK, MEMORY_CLOCK = 1, 2
CORE_TEMPERATURE = 0


@dataclass(frozen=True)
class Question:
    """One call of NVML, and the columns that its answer fills."""

    name: str
    """As `doctor` calls it."""
    columns: tuple[str, ...]
    """Fields of `rsc_bench.harness.gpu_record.Telemetry`."""
    ask: Callable[[Gpu], Sequence[Any]]
    """The values, one a column; raises `NvmlError` with the reason."""
    of_this_process: bool = False
    """Whether only a process that uses the GPU can ask it."""


def throttle_reasons(gpu: Gpu) -> int:
    """Return NVML's bit mask of the reasons for the present clock; raises `NvmlError`."""
    # The second is what libraries before 12.535 and drivers before 535 call it.
    try:
        return int(gpu.ask("CurrentClocksEventReasons"))
    except NvmlError:
        return int(gpu.ask("CurrentClocksThrottleReasons"))


def energy_j(gpu: Gpu) -> float:
    """Return the energy counter; raises `NvmlError`, on GPUs before Volta among others."""
    return float(gpu.ask("TotalEnergyConsumption")) / 1e3


def others(running: Sequence[Process]) -> list[Process]:
    """Return the processes that are not this one.

    A container numbers processes anew: where none has this one's number, a lone one is this one, and of several it cannot be
    told: all are returned.
    """
    own = os.getpid()
    if len(running) == 1 or any(process.pid == own for process in running):
        return [process for process in running if process.pid != own and len(running) > 1]
    return list(running)


def unanswered() -> dict[str, dict[str, str]]:
    """Return what each GPU, by UUID, does not tell of itself, with the reason: ``{"power": "Not Supported"}``."""
    refused: dict[str, dict[str, str]] = {}
    with contextlib.suppress(NvmlError), session() as library:
        for gpu in every(library):
            found = {question.name: _refusal(question, gpu) for question in QUESTIONS if not question.of_this_process}
            refused[gpu.uuid] = {name: reason for name, reason in found.items() if reason is not None}
    return refused


def _refusal(question: Question, gpu: Gpu) -> str | None:
    try:
        question.ask(gpu)
    except NvmlError as error:
        return str(error)
    return None


def _own_bytes(gpu: Gpu) -> tuple[int | None]:
    running = gpu.processes()
    foreign = others(running)
    own = [process for process in running if process not in foreign]
    if len(own) != 1 or own[0].used_bytes is None:
        raise NvmlError(f"which of {len(running)} processes on the GPU is this one, and what it holds, is not told")
    return (own[0].used_bytes,)


def _memory(gpu: Gpu) -> tuple[int, int]:
    memory = gpu.ask("MemoryInfo")
    return int(memory.used), int(memory.free)


def _utilisation(gpu: Gpu) -> tuple[int, int]:
    rates = gpu.ask("UtilizationRates")
    return int(rates.gpu), int(rates.memory)


QUESTIONS = (
    Question("power", ("power_w",), lambda gpu: (gpu.ask("PowerUsage") / 1e3,)),
    Question("energy", ("energy_j",), lambda gpu: (energy_j(gpu),)),
    Question("SM clock", ("sm_clock_mhz",), lambda gpu: (int(gpu.ask("ClockInfo", SM_CLOCK)),)),
    Question("memory clock", ("memory_clock_mhz",), lambda gpu: (int(gpu.ask("ClockInfo", MEMORY_CLOCK)),)),
    Question("temperature", ("temperature_c",), lambda gpu: (int(gpu.ask("Temperature", CORE_TEMPERATURE)),)),
    Question("throttle reasons", ("throttle_reasons",), lambda gpu: (throttle_reasons(gpu),)),
    Question("memory", ("used_bytes", "free_bytes"), _memory),
    Question("process memory", ("process_bytes",), _own_bytes, of_this_process=True),
    Question("utilisation", ("gpu_percent", "memory_percent"), _utilisation),
)
