"""What a GPU is asked at each reading; one sensor a file, and each fills one or more columns of the trace."""

from __future__ import annotations

import contextlib
import keyword
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from rsc_bench.harness.machine.nvml import Gpu, NvmlError, every, session
from rsc_bench.plugins import load


@dataclass(frozen=True)
class Sensor:
    """One call of NVML, and the columns that its answer fills; a file here that defines ``SENSOR = Sensor(...)`` is one."""

    name: str
    """As `doctor` calls it."""
    columns: tuple[str, ...]
    """Fields of `rsc_bench.harness.records.gpu_trace.GpuTrace`, or names of its own, which go into ``GpuTrace.other``."""
    ask: Callable[[Gpu], Sequence[Any]]
    """The values, one a column; raises `NvmlError` with the reason."""
    of_this_process: bool = False
    """Whether only a process that uses the GPU can ask it."""
    summary: str = ""
    """One sentence: what is read, and in which unit."""

    def __post_init__(self) -> None:
        if type(self.columns) is not tuple or not self.columns:
            raise ValueError(f"sensor {self.name!r}: columns must be a tuple of at least one name (got {self.columns!r})")
        for column in self.columns:
            if not column.isidentifier() or keyword.iskeyword(column):
                raise ValueError(f"sensor {self.name!r}: a column must be a name like fan_percent, with its unit (got {column!r})")


def sensors() -> tuple[Sensor, ...]:
    """Return every sensor; raises ``ValueError`` where two fill one column."""
    found = tuple(load("sensor").values())
    filled: dict[str, str] = {}
    for sensor in found:
        for column in sensor.columns:
            if column in filled:
                raise ValueError(f"sensors {filled[column]!r} and {sensor.name!r} both fill the column {column}: rename one")
            filled[column] = sensor.name
    return found


def unanswered() -> dict[str, dict[str, str]]:
    """Return what each GPU, by UUID, does not answer, with the reason: ``{"power": "Not Supported"}``."""
    refused: dict[str, dict[str, str]] = {}
    with contextlib.suppress(NvmlError), session() as library:
        for gpu in every(library):
            found = {sensor.name: _refusal(sensor, gpu) for sensor in sensors() if not sensor.of_this_process}
            refused[gpu.uuid] = {name: reason for name, reason in found.items() if reason is not None}
    return refused


def _refusal(sensor: Sensor, gpu: Gpu) -> str | None:
    try:
        sensor.ask(gpu)
    except NvmlError as error:
        return str(error)
    return None
