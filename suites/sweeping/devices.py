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
class Answer:
    """What became of the case that a device was asked for."""

    device: str
    record: Record | Lost


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

    def ceilings(self, device: str, block: str, row_bytes: Iterable[int]) -> Ceilings | None:
        """Return what a device can reach; None where that could not be measured."""
        ...

    def ask(self, device: str, block: str, job: Job) -> None:
        """Begin a case on a device that has none."""
        ...

    def answers(self) -> Iterator[Answer]:
        """Yield what has come since; wait for a moment where nothing has."""
        ...

    def states(self) -> Mapping[str, State]:
        """Return how far devices are that are at work, as far as it is known."""
        ...

    def revived(self, device: str) -> bool:
        """Return whether a device that was lost can be asked again: its process was lost, and the machine is there."""
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
        self._asked: tuple[str, Job] | None = None
        self.watch: Watching | None = None
        """Is told how far a case is while it runs."""

    def facts(self) -> Mapping[str, Facts]:
        """Return what is known of this machine."""
        return {self.NAME: self._place.facts()}

    def plan(self, device: str, block: str) -> Plan:  # noqa: ARG002
        """Return the cases of a block."""
        return self._place.plan(block)

    def ceilings(self, device: str, block: str, row_bytes: Iterable[int]) -> Ceilings | None:  # noqa: ARG002
        """Return what the device can reach."""
        return self._place.ceilings(block, row_bytes)

    def ask(self, device: str, block: str, job: Job) -> None:  # noqa: ARG002
        """Note what is to be measured; `answers` does it."""
        self._asked = block, job

    def answers(self) -> Iterator[Answer]:
        """Measure what was asked for."""
        if self._asked is not None:
            (block, job), self._asked = self._asked, None
            yield Answer(self.NAME, self._place.record(block, job, self._follow, self._wait))

    def _follow(self, epoch: Epoch) -> None:
        if self.watch is not None:
            self.watch.state(self.NAME, State(0.0, epoch))

    def _wait(self, seconds: float) -> None:
        if self.watch is not None:
            self.watch.state(self.NAME, State(seconds))

    def states(self) -> Mapping[str, State]:
        """Return nothing: whoever could ask is waiting for the case."""
        return {}

    def revived(self, device: str) -> bool:  # noqa: ARG002
        """Return that it cannot: it is this process."""
        return False

    def close(self) -> None:
        """End the processes that cases ran in."""
        self._place.close()


class Watching(Protocol):
    """Takes how far a device is, at any time."""

    def state(self, device: str, state: State) -> None:
        """Take it."""
        ...
