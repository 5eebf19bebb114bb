"""What can be measured: a piece of work that is called without knowing what it computes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from rsc_bench.harness.records.measurement import Accuracy, Matrix


class Skip(Exception):
    """The work cannot be done here; the message is the reason that the record keeps."""


class Wrong(Exception):
    """The work computes something else than it should; the message says by how much."""


@dataclass(frozen=True)
class Checked:
    """What a check found: facts of the result that are no times."""

    matrix: Matrix
    accuracy: Accuracy


class Work(Protocol):
    """One case, prepared: what is called to measure it, without knowing what it computes."""

    period: int
    """Calls that belong together in one sample: the interval of a cached kernel, else 1."""
    device: str
    """Where it runs: ``cpu``, ``cuda:0``."""
    tune_s: float | None
    """Seconds of searching and compiling before it was prepared; None where there was nothing to search or compile."""
    select: Callable[[], object] | None
    """Selecting alone; None where nothing is selected."""
    multiply: Callable[[], object] | None
    """Multiplying alone, over a selection that is made already; None where nothing is selected."""

    def __call__(self) -> Any:
        """Do the work once and return its result."""
        ...

    def check(self, result: Any) -> Checked:
        """Compare a result with its float64 reference; raise `Wrong` where they differ."""
        ...

    def result_bytes(self, result: Any) -> int:
        """Return the size of a result: it is no workspace."""
        ...

    def synchronise(self) -> None:
        """Wait until the device is done."""
        ...
