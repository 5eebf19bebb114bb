"""Says on the terminal what each case gave, how far the sweep is and how long it will take."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from time import monotonic

from harness.record import Record


class Progress:
    """Lines for the terminal, one a case."""

    def __init__(self, cases: int, write: Callable[[str], None]) -> None:
        self._cases, self._write = cases, write
        self._done = 0
        self._start = monotonic()
        self._waiting: str | None = None

    def note(self, record: Record, index: int, of: int) -> None:
        """Take the record of the case that has just ended."""
        self._done += 1
        left_s = (monotonic() - self._start) / self._done * (self._cases - self._done)
        place = f"[{self._done:>{len(str(self._cases))}}/{self._cases}] round {index}/{of}, {_clock(left_s)} left"
        self._waiting = f"{place}  {_case(record)}  {_outcome(record)}"

    def flush(self) -> None:
        """Write the line that waits, once the test runner has the terminal back."""
        if self._waiting is not None:
            self._write(self._waiting)
            self._waiting = None


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def _case(record: Record) -> str:
    case = record.case
    budget = "" if case.budget is None else f" C={case.budget:g}"
    beyond = f"{' ' + case.dtype if case.dtype != 'float32' else ''}{' ' + case.reduce if case.reduce != 'sum' else ''}"
    return f"{case.graph} d={case.width}{beyond} {case.kernel}{budget}"


def _outcome(record: Record) -> str:
    measurement = record.measurement
    if measurement is None:
        return f"{record.status}: {record.reason}"
    error = "" if record.case.budget is None else f", error {measurement.rel_error:.2f}"
    return f"{1e3 * median(measurement.times_s):.3f} ms ({len(measurement.times_s)} samples, {measurement.stop}){error}"
