"""What it is to time some calls: a clock (timing mode), what it is opened for, and the samples that it takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rsc_bench.fields import Plugin
from rsc_bench.optional import present

DEVICE_KINDS = ("cpu", "cuda")
"""Kinds of device that there are clocks for: what stands before the colon in ``cuda:0``."""


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
    """A clock that is ready for one piece of work; what it needs for that ends with it."""

    take: Callable[[], Sample]
    """Times one round of calls."""
    flush_probe_s: dict[str, list[float]] | None = None
    """What showed that the flushed cache is cold, see `rsc_bench.harness.measure.gpu.l2.probe`; None where nothing is flushed."""


@dataclass(frozen=True)
class Clock(Plugin):
    """A timing mode: what is on the clock; a file in ``harness/measure/clocks`` that defines ``CLOCK = Clock(...)`` is one.

    Raises ``ValueError`` for a kind of device that is not known, which no case would ever be timed on.
    """

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

    def __post_init__(self) -> None:
        super().__post_init__()
        for field, kinds in (("devices", self.devices), ("default", self.default)):
            if unknown := [kind for kind in kinds if kind not in DEVICE_KINDS]:
                raise ValueError(f"clock {self.name!r}: {field} must be among {', '.join(DEVICE_KINDS)} (got {unknown[0]!r})")
        if not self.devices:
            raise ValueError(f"clock {self.name!r}: devices must name what it can time: {', '.join(DEVICE_KINDS)} (got none)")
        if beyond := [kind for kind in self.default if kind not in self.devices]:
            raise ValueError(
                f"clock {self.name!r}: default must be among its devices, {', '.join(self.devices)} (got {beyond[0]!r})"
            )


class Stopwatch:
    """A clock opened for some work; each call of it is a sample, in seconds per call of the work."""

    def __init__(self, clock: Clock, timed: Timed) -> None:
        self._opened = clock.open(timed)
        self._calls = timed.calls
        self._taken: list[Sample] = []

    def __call__(self) -> float:
        """Return the seconds of one call of the work."""
        sample = self._opened.take()
        self._taken.append(sample)
        return sample.seconds / self._calls

    @property
    def taken_s(self) -> float:
        """Seconds of all samples together."""
        return sum(sample.seconds for sample in self._taken)

    @property
    def launch_s(self) -> list[float] | None:
        """Host seconds to enqueue one call, an entry a sample that has such calls; None where there is none."""
        return [sample.launch_s for sample in self._taken if sample.launch_s is not None] or None

    @property
    def exposed_calls(self) -> list[int] | None:
        """Calls of each sample that began before they were enqueued whole; None on a clock of the host."""
        return [sample.exposed_calls for sample in self._taken if sample.exposed_calls is not None] or None

    @property
    def flush_probe_s(self) -> dict[str, list[float]] | None:
        """What showed how cold the flushed cache is; None where nothing is flushed."""
        return self._opened.flush_probe_s
