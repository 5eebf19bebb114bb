"""What a GPU reports at each reading: one sensor a file, or one family; each fills one or more columns of the trace."""

from __future__ import annotations

import contextlib
import keyword
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

from rsc_bench.fields import Plugin
from rsc_bench.harness.machine.nvml import Gpu, NvmlError, every, session
from rsc_bench.plugins import load
from rsc_bench.text import error_line


@dataclass(frozen=True)
class Sensor(Plugin):
    """One call of NVML, and the columns that its answer fills; a file here that defines ``SENSOR = Sensor(...)`` is one."""

    name: str
    """As `doctor` calls it."""
    columns: tuple[str, ...]
    """Fields of `rsc_bench.harness.records.gpu_trace.GpuTrace`, or names of its own, which go into ``GpuTrace.other``."""
    ask: Callable[[Gpu], Sequence[Any]]
    """The values, one a column, each a number or None; raises `NvmlError` with the reason."""
    of_this_process: bool = False
    """Whether only a process that uses the GPU can ask it."""
    summary: str = ""
    """One sentence: what is read, and in which unit."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.columns:
            raise ValueError(f"sensor {self.name!r}: columns must name at least one (got none)")
        for column in self.columns:
            if not column.isidentifier() or keyword.iskeyword(column):
                raise ValueError(f"sensor {self.name!r}: a column must be a name like fan_percent, with its unit (got {column!r})")
        if len(set(self.columns)) < len(self.columns):
            raise ValueError(f"sensor {self.name!r}: each column must be named once (got {', '.join(self.columns)})")

    def read(self, gpu: Gpu) -> dict[str, float | None]:
        """Return the value of each column; raises `NvmlError` with the reason, ``ValueError`` for anything but numbers."""
        values = self.ask(gpu)
        if not isinstance(values, tuple | list) or len(values) != len(self.columns):
            raise ValueError(f"sensor {self.name!r} must give a tuple with a value for {', '.join(self.columns)} (got {values!r})")
        return {column: self._number(value) for column, value in zip(self.columns, values, strict=True)}

    def _number(self, value: Any) -> float | None:
        """A value as it can be stored: a results file with anything else in it could not be read back."""
        if value is None:
            return None
        if not isinstance(value, Real) or not math.isfinite(value):
            raise ValueError(f"sensor {self.name!r} must give finite numbers or None (got {value!r})")
        return int(value) if isinstance(value, Integral) else float(value)


def sensors() -> tuple[Sensor, ...]:
    """Return every sensor."""
    return tuple(load("sensor").values())


def unanswered(asked: Iterable[Sensor] | None = None) -> dict[str, dict[str, str]]:
    """Return what each GPU, by UUID, does not report, with the reason: ``{"power": "Not Supported"}``.

    Args:
        asked: the sensors; None: every one there is.
    """
    chosen = [sensor for sensor in (sensors() if asked is None else asked) if not sensor.of_this_process]
    refused: dict[str, dict[str, str]] = {}
    with contextlib.suppress(NvmlError), session() as library:
        for gpu in every(library):
            reasons = {sensor.name: _refusal(sensor, gpu) for sensor in chosen}
            refused[gpu.uuid] = {name: reason for name, reason in reasons.items() if reason is not None}
    return refused


def _refusal(sensor: Sensor, gpu: Gpu) -> str | None:
    try:
        sensor.read(gpu)
    except NvmlError as error:
        return str(error)
    except Exception as error:  # of a user's sensor
        return error_line(error)
    return None
