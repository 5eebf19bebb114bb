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


class Probe(Protocol):
    """Calls a piece of work, and finds out beside the clock whether what it gives belongs to what it was given."""

    def __call__(self) -> Any:
        """Do the work once and return its result; the one before is let go first, so that there are never two."""
        ...

    def change(self) -> None:
        """Change a little of what the next call reads."""
        ...

    def look(self) -> None:
        """Compare what that reaches of the last result, and put back what was changed."""
        ...

    def judge(self) -> None:
        """Raise `Wrong` where a result that was looked at did not belong to its operand."""
        ...

    def renew(self) -> bool:
        """Change all that the next call reads; return whether there is such a thing."""
        ...

    def rewrite(self) -> None:
        """Write as `renew` does, but what is there already."""
        ...

    def restore(self) -> None:
        """Look at what came of the last `renew`, and put everything back."""
        ...


@dataclass(frozen=True)
class Unprobed:
    """Calls a piece of work, of which nothing can be changed and looked at."""

    call: Callable[[], Any]

    def __call__(self) -> Any:
        """Do the work once and return its result."""
        return self.call()

    def change(self) -> None:
        """Do nothing."""

    def look(self) -> None:
        """Do nothing."""

    def judge(self) -> None:
        """Do nothing."""

    def renew(self) -> bool:
        """Do nothing."""
        return False

    def rewrite(self) -> None:
        """Do nothing."""

    def restore(self) -> None:
        """Do nothing."""


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

    def check_memory(self) -> None:
        """Raise `Wrong` where a result has no memory of its own, or is not written everywhere; calls the work."""
        ...

    def check_kept(self) -> None:
        """Raise `Wrong` where a result of `check_memory`, kept since, is not what it was: a later call wrote into it."""
        ...

    def check_operands(self) -> None:
        """Raise `Wrong` where the work has changed what it was given."""
        ...

    def probe(self, call: Callable[[], Any]) -> Probe:
        """Return what calls the work through `call`, and looks at what comes of it."""
        ...

    def result_bytes(self, result: Any) -> int:
        """Return the size of a result: it is no workspace."""
        ...

    def synchronise(self) -> None:
        """Wait until the device is done."""
        ...
