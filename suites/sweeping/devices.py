"""What a sweep runs on: devices that are each asked for one case at a time; here the one of this process."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from rsc_bench.harness.records.ceilings import Ceilings
from rsc_bench.harness.records.run import Record
from rsc_bench.suites.measuring.serving import Job
from rsc_bench.suites.sweeping.place import Facts, Place
from rsc_bench.suites.sweeping.planning import Plan
from rsc_bench.suites.sweeping.study import Block
from rsc_bench.suites.terminal.progress import Epoch


@dataclass(frozen=True)
class Lost:
    """Why a device does not answer any more; the case that it was at is of no record."""

    how: str


@dataclass(frozen=True)
class Reach:
    """What a device can reach; None where that could not be measured."""

    ceilings: Ceilings | None


@dataclass(frozen=True)
class Back:
    """That a device which was lost can be asked again."""


@dataclass(frozen=True)
class Answer:
    """What became of what a device was asked for."""

    device: str
    content: Record | Reach | Lost | Back


@dataclass(frozen=True)
class State:
    """How far a device is with its case."""

    seconds: float
    epoch: Epoch | None = None


class Devices(Protocol):
    """The devices of a sweep, by the names that records have."""

    def facts(self) -> Mapping[str, Facts]:
        """Return what is known of each device."""
        ...

    def plan(self, device: str, block: str) -> Plan:
        """Return the cases of a block as a device of its kind would measure them."""
        ...

    def ask(self, device: str, block: str, job: Job) -> None:
        """Begin a case on a device that is at nothing."""
        ...

    def ask_reach(self, device: str, block: str, row_bytes: Iterable[int]) -> None:
        """Begin to measure what a device that is at nothing can reach."""
        ...

    def answers(self) -> Iterator[Answer]:
        """Yield what has come since; wait for a moment where nothing has."""
        ...

    def states(self) -> Mapping[str, State]:
        """Return how far devices are that are at work, as far as it is known."""
        ...

    def revive(self, device: str) -> None:
        """Begin to get a device back that was lost; where it comes back, `answers` says so."""
        ...

    @property
    def awaited(self) -> bool:
        """Whether a device may still come back."""
        ...

    def close(self) -> None:
        """End what was started."""
        ...


class Here:
    """This machine as one device, as `bench` uses it."""

    NAME = "here"

    def __init__(self, blocks: Sequence[Block], log: Path) -> None:
        """Begin; cases of a block run where its options say."""
        self._place = Place(blocks, log)
        self._asked: tuple[str, Job | tuple[int, ...]] | None = None
        self.watch: Watching | None = None
        """Is told how far a case is while it runs."""

    def facts(self) -> Mapping[str, Facts]:
        """Return what is known of this machine."""
        return {self.NAME: self._place.facts()}

    def plan(self, device: str, block: str) -> Plan:  # noqa: ARG002
        """Return the cases of a block."""
        return self._place.plan(block)

    def ask(self, device: str, block: str, job: Job) -> None:  # noqa: ARG002
        """Note what is to be measured; `answers` does it."""
        self._asked = block, job

    def ask_reach(self, device: str, block: str, row_bytes: Iterable[int]) -> None:  # noqa: ARG002
        """Note that it is to be measured."""
        self._asked = block, tuple(row_bytes)

    def answers(self) -> Iterator[Answer]:
        """Measure what was asked for."""
        if self._asked is None:
            return
        (block, what), self._asked = self._asked, None
        if isinstance(what, tuple):
            yield Answer(self.NAME, Reach(self._place.ceilings(block, what)))
        else:
            yield Answer(self.NAME, self._place.record(block, what, self._follow, self._wait))

    def _follow(self, epoch: Epoch) -> None:
        if self.watch is not None:
            self.watch.state(self.NAME, State(0.0, epoch))

    def _wait(self, seconds: float) -> None:
        if self.watch is not None:
            self.watch.state(self.NAME, State(seconds))

    def states(self) -> Mapping[str, State]:
        """Return nothing: whoever could ask is waiting for the case."""
        return {}

    def revive(self, device: str) -> None:
        """Do nothing: it is this process."""

    @property
    def awaited(self) -> bool:
        """Whether it may come back, which it never has to."""
        return False

    def close(self) -> None:
        """End the processes that cases ran in."""
        self._place.close()


class Watching(Protocol):
    """Takes how far a device is, at any time."""

    def state(self, device: str, state: State) -> None:
        """Take it."""
        ...
