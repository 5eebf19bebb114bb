"""How time is taken, one clock a file; a number is only ever compared with numbers of its own clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rsc_bench.plugins import present


class CannotTime(Exception):
    """A clock cannot time a call; the message is the reason that a record keeps."""


@dataclass(frozen=True)
class Timed:
    """What a clock is opened for: calls that belong together, on one device."""

    call: Callable[[], object]
    calls: int
    """Calls of one sample: the interval of a cached kernel, else 1."""
    synchronise: Callable[[], None]
    """Waits until the device is done."""
    device: str
    """``cpu``, ``cuda:0``."""


@dataclass(frozen=True)
class Sample:
    """What was observed of one round of calls."""

    seconds: float
    """That the calls took together."""
    launch_s: float | None = None
    """Host seconds to enqueue one call, the mean over those that were off the clock; None where there were none."""
    exposed_calls: int | None = None
    """Calls that the device began with before the host had enqueued all of them: waiting for the host is on the clock of these."""


@dataclass(frozen=True)
class Opened:
    """A clock that is ready for one piece of work; what it holds for that ends with it."""

    take: Callable[[], Sample]
    """Times one round of calls."""
    flush_probe_s: dict[str, list[float]] | None = None
    """What showed that the flushed cache is cold (`rsc_bench.harness.measure.gpu.l2.Shown.probe_s`); None where nothing is flushed."""


@dataclass(frozen=True)
class Clock:
    """A way to time calls; a file in ``harness/clocks`` that defines ``CLOCK = Clock(...)`` is one."""

    name: str
    summary: str
    """One sentence: what is on the clock."""
    open: Callable[[Timed], Opened]
    """Gets ready to time some calls; raises `CannotTime` with the reason where it cannot."""
    devices: tuple[str, ...]
    """Kinds of device that it can time: ``cpu``, ``cuda``."""
    default: tuple[str, ...] = ()
    """Kinds of device on which it is used where no clock is named."""
    missing: Callable[[], str | None] = present
    """Why it cannot be used on this machine; None where it can."""
