"""Keeps account of where the seconds of a case go: into calls of its kernel, or into all that is done around them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from time import perf_counter
from typing import Any, TypeVar

from rsc_bench.harness.measure.work import Probe, Work
from rsc_bench.harness.records.measurement import KERNEL

T = TypeVar("T")

REST = "rest"
"""What is in no other part."""


class Spending:
    """Seconds by part. Each second counts once, for the part that was opened last and is not closed yet."""

    def __init__(self, now: Callable[[], float] = perf_counter) -> None:
        """Begin with nothing; `now` reads the time in seconds."""
        self._now = now
        self.begin()

    def begin(self) -> None:
        """Forget what was spent, and count from here on."""
        self._seconds: dict[str, float] = {}
        self._open = REST
        self._since = self._now()

    @contextlib.contextmanager
    def on(self, part: str) -> Iterator[None]:
        """Count the block for a part. Not for what is on a clock: it takes a microsecond."""
        before = self._turn(part)
        try:
            yield
        finally:
            self._turn(before)

    def calls(self, call: Callable[[], T]) -> Callable[[], T]:
        """Return a call that is on the kernel's account."""

        def counted() -> T:
            with self.on(KERNEL):
                return call()

        return counted

    def move(self, seconds: float, to: str) -> None:
        """Count seconds of the open part for another one: those that a clock has measured meanwhile."""
        self._add(self._open, -seconds)
        self._add(to, seconds)

    def spent(self) -> dict[str, float]:
        """Return the seconds by part since `begin`; together they are all that have passed."""
        self._turn(self._open)
        return {part: round(max(0.0, seconds), 6) for part, seconds in self._seconds.items()}

    def _turn(self, part: str) -> str:
        """Count what has passed for the open part, open another one and return the one before."""
        now, before = self._now(), self._open
        self._add(before, now - self._since)
        self._open, self._since = part, now
        return before

    def _add(self, part: str, seconds: float) -> None:
        self._seconds[part] = self._seconds.get(part, 0.0) + seconds


SPENDING = Spending()
"""The account of the case at work in this process."""


class AccountedWork:
    """A piece of work whose calls are on the kernel's account, and whose checks on theirs."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._work, name)
        return _checking(found) if name.startswith("check") else found

    def __call__(self) -> Any:
        """Do the work once, wait for it, or whoever looks at the result would, and return that."""
        with SPENDING.on(KERNEL):
            result = self._work()
            self._work.synchronise()
        return result

    def probe(self, call: Callable[[], Any]) -> Probe:
        """Return what calls the work through `call`; the work itself where that is this one, for a clock may time it."""
        return self._work.probe(self._work if call is self else call)


def _checking(check: Callable[..., Any]) -> Callable[..., Any]:
    def checked(*arguments: Any) -> Any:
        with SPENDING.on("check"):
            return check(*arguments)

    return checked


class AccountedProbe:
    """A probe whose calls are on the kernel's account, with waiting for them."""

    def __init__(self, probe: Probe, synchronise: Callable[[], None]) -> None:
        self._probe, self._synchronise = probe, synchronise

    def __getattr__(self, name: str) -> Any:
        return getattr(self._probe, name)

    def __call__(self) -> Any:
        """Do the work once, wait for it and return its result."""
        with SPENDING.on(KERNEL):
            result = self._probe()
            self._synchronise()
        return result
