"""Records, rounds and runs: what is in a results file, in the order in which it was written."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import msgspec

from rsc_bench.harness.records.case import Case
from rsc_bench.harness.records.ceilings import Ceilings
from rsc_bench.harness.records.measurement import Measurement

SCHEMA = 1

Status = Literal["ok", "skipped", "wrong", "failed"]


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """The end of one case in one round; a measurement is present exactly when the status is ``ok``."""

    case: Case
    status: Status
    reason: str | None = None
    """Why there is no measurement; None when the status is ``ok``."""
    measurement: Measurement | None = None

    def __post_init__(self) -> None:
        if (self.status == "ok") != (self.measurement is not None):
            raise ValueError(f"a measurement is present exactly when the status is 'ok' (got {self.status!r})")
        if (self.status == "ok") != (self.reason is None):
            raise ValueError(f"a reason is present exactly when the status is not 'ok' (got {self.status!r})")

    def with_times(self, times_s: list[float]) -> Record:
        """Return the record of a measured case with other samples."""
        assert self.measurement is not None
        timing = msgspec.structs.replace(self.measurement.timing, times_s=times_s)
        return msgspec.structs.replace(self, measurement=msgspec.structs.replace(self.measurement, timing=timing))


class Round(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The start of one pass over the whole sweep: the unit of replication."""

    index: int
    """From 1, over all sessions that wrote to the file."""
    of: int
    """The last index that the session planned."""
    cases: int
    """Cases planned in this round."""
    started: str
    """UTC, ISO 8601."""
    ceilings: Ceilings | None = None
    """What the device reached when the session began, in the first round that it started; None: see an earlier round."""
    alternated: str | None = None
    """Name of the session that took two sides in turns, a round of each: rounds of two files with one such name and one
    `index` were taken one right after the other, and make a pair. None: not taken in turns."""


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

    @property
    def unfinished(self) -> list[str]:
        """Each round that stopped before its last case, in words."""
        found = [(start, len(records)) for start, records in self.rounds if len(records) < start.cases]
        return [f"round {start.index} stopped after {done} of {start.cases} cases" for start, done in found]

    @property
    def ceilings(self) -> list[Ceilings | None]:
        """What the device had reached last when each round started; None where no session had measured it."""
        known: list[Ceilings | None] = []
        for start, _ in self.rounds:
            known.append(start.ceilings or (known[-1] if known else None))
        return known
