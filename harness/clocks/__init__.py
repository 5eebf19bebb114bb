"""How time is taken, one clock a file; a number is only ever compared with numbers of its own clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


def present() -> str | None:
    """Return None: nothing is missing."""
    return None


@dataclass(frozen=True)
class Clock:
    """A way to time calls; a file in ``harness/clocks`` that defines ``CLOCK = Clock(...)`` is one."""

    name: str
    says: str
    """One sentence: what is on the clock."""
    sample: Callable[[Callable[[], object], int, Callable[[], None]], float]
    """(call, calls, synchronise) -> seconds that `calls` calls took together; `synchronise` waits for the device."""
    missing: Callable[[], str | None] = present
    """Why it cannot be used on this machine; None where it can."""
