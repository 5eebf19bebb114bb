"""Records, rounds and runs: what is in a results file, in the order in which it was written."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal, Protocol

import msgspec

from rsc_bench.harness.records.case import Case
from rsc_bench.harness.records.ceilings import Ceilings
from rsc_bench.harness.records.measurement import Measurement
from rsc_bench.harness.records.ranges import Count, Name, Text

SCHEMA = 1

Status = Literal["ok", "skipped", "wrong", "failed"]


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """The end of one case in one round; a measurement is present exactly when the status is ``ok``."""

    case: Case
    status: Status
    reason: Text | None = None
    """Why there is no measurement; None when the status is ``ok``."""
    measurement: Measurement | None = None
    node: Name | None = None
    """The device that measured it, of those that shared the sweep: ``node-2 cpu 0-1``. None: there was one."""

    def __post_init__(self) -> None:
        if (self.status == "ok") != (self.measurement is not None):
            raise ValueError(f"a measurement is present exactly when the status is 'ok' (got {self.status!r})")
        if (self.status == "ok") != (self.reason is None):
            raise ValueError(f"a reason is present exactly when the status is not 'ok' (got {self.status!r})")

    def with_times(self, times_s: list[float]) -> Record:
        """Return the record of a measured case with other samples."""
        measured = self.measurement
        assert measured is not None
        timing = msgspec.structs.replace(measured.timing, times_s=times_s)
        # Which of the samples were throttled says nothing of other ones.
        gpu = measured.gpu and msgspec.structs.replace(measured.gpu, throttled=None)
        return msgspec.structs.replace(self, measurement=msgspec.structs.replace(measured, timing=timing, gpu=gpu))

    def with_spent(self, spent_s: dict[str, float]) -> Record:
        """Return the record with the account of where the seconds of its case went; one without a measurement as it is."""
        if self.measurement is None:
            return self
        timing = msgspec.structs.replace(self.measurement.timing, spent_s=spent_s)
        return msgspec.structs.replace(self, measurement=msgspec.structs.replace(self.measurement, timing=timing))


class Round(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The start of one pass over the whole sweep: the unit of replication."""

    index: Count
    """From 1, over all sessions that wrote to the file."""
    of: Count
    """The last index that the session planned."""
    cases: Count
    """Cases planned in this round."""
    started: Name
    """UTC, ISO 8601."""
    ceilings: Ceilings | None = None
    """What the device reached when the session began, in the first round that it started; None: see an earlier round."""
    alternated: Name | None = None
    """Name of the session that took two sides in turns, a round of each: rounds of two files with one such name and one
    `index` were taken one right after the other, and make a pair. None: not taken in turns."""
    options: list[Name] | None = None
    """What the session was asked for, as the suites and options of a command line; None: not known."""
    nodes: dict[str, Any] | None = None
    """The environment of each device that shared the session, by the name that its records have in `Record.node`, as far as it
    differs from that of the file, with dotted names (``gpus.0.uuid``). None: there was one device."""

    def continued(self, again: Round) -> Round:
        """Return the round as it is after a later line of the same index, with which other records of it begin."""
        nodes = (self.nodes or {}) | (again.nodes or {})
        found = msgspec.structs.replace(self, of=again.of, cases=again.cases, options=again.options or self.options)
        return msgspec.structs.replace(found, ceilings=self.ceilings or again.ceilings, nodes=nodes or None)


Entry = tuple[Round, Record | None]
"""A record and its round; None for the record where the round starts."""


class Records(Protocol):
    """A results file whose records can be gone through, one pass at a time: a `Run`, or a file that is not kept in memory."""

    @property
    def path(self) -> Path:
        """Where it is."""

    @property
    def environment(self) -> dict[str, Any]:
        """Where it was measured."""

    @property
    def unfinished(self) -> list[str]:
        """Each round that stopped before its last case, in words."""

    def entries(self) -> Iterator[Entry]:
        """Yield each round, with None where it starts and then with each of its records."""


def unfinished(counts: Iterable[tuple[Round, int]]) -> list[str]:
    """Return in words each round that stopped before its last case, of rounds with the number of records that they have."""
    found = ((start, done) for start, done in counts if done < start.cases)
    return [f"round {start.index} stopped after {done} of {start.cases} cases" for start, done in found]


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One results file: its environment and its rounds, in the order they were written."""

    path: Path
    environment: dict[str, Any]
    rounds: list[tuple[Round, list[Record]]]
    """Each round with its records; a round that was cut short has fewer than it planned."""

    @property
    def records(self) -> list[Record]:
        """Every record of every round, in order."""
        return [record for _, records in self.rounds for record in records]

    def entries(self) -> Iterator[Entry]:
        """Yield each round, with None where it starts and then with each of its records."""
        for start, records in self.rounds:
            yield start, None
            for record in records:
                yield start, record

    @property
    def unfinished(self) -> list[str]:
        """Each round that stopped before its last case, in words."""
        return unfinished((start, len(records)) for start, records in self.rounds)

    @property
    def ceilings(self) -> list[Ceilings | None]:
        """What the device had reached last when each round started; None where no session had measured it."""
        known: list[Ceilings | None] = []
        for start, _ in self.rounds:
            known.append(start.ceilings or (known[-1] if known else None))
        return known


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Keep the garbage collector from going through 100,000 records again and again: none of them is garbage."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
