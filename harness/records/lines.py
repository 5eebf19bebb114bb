"""Records as they stand on disk, a line each, and back."""

from __future__ import annotations

from typing import Any

import msgspec

from rsc_bench.harness.records.case import Case
from rsc_bench.harness.records.measurement import Flat, from_flat, to_flat
from rsc_bench.harness.records.ranges import MANY_LETTERS, Text
from rsc_bench.harness.records.run import Record, Round, Status
from rsc_bench.text import clipped


class RecordLine(msgspec.Struct, frozen=True, kw_only=True):
    """A record on disk: the fields of its measurement stand side by side, whatever part they belong to."""

    case: Case
    """What was measured."""
    status: Status
    """How it ended."""
    reason: Text | None = None
    """Why there is no measurement; null when the status is ``ok``."""
    measurement: Flat | None = None  # type: ignore[valid-type]


class Head(msgspec.Struct):
    """What a file begins with."""

    schema: int
    """Number of the schema; it changes when a name does."""
    environment: dict[str, Any]
    """The machine, its software and the checkout, as fields that other programs may add to."""


class Line(msgspec.Struct):
    """A line of a results file: one of the three."""

    run: Head | None = None
    round: Round | None = None
    record: RecordLine | None = None


decode = msgspec.json.Decoder(Line).decode
RUN_LINE = b'{"run":'
"""How the first line of a results file begins."""
DAMAGE = (msgspec.MsgspecError, ValueError, RecursionError)
"""What a line can be wrong with: not JSON, not of our types, not UTF-8, nested past the interpreter's depth."""


def encode(line: dict[str, Any]) -> bytes:
    """Return a line as it stands in a file."""
    return msgspec.json.encode(line) + b"\n"


def readable(record: Record) -> tuple[Record, bytes]:
    """Return a record and its line, such that reading accepts it: one line that is refused would take the whole file with it.

    Numbers that no run can observe make a record ``failed``. Raises ``ValueError`` where the case itself cannot be written.
    """
    if record.reason is not None:
        record = msgspec.structs.replace(record, reason=clipped(record.reason, MANY_LETTERS))
    data = encode({"record": to_line(record)})
    try:
        decode(data)
    except DAMAGE as error:
        if record.measurement is None:
            raise ValueError(str(error)) from None
        return readable(Record(case=record.case, status="failed", reason=f"its numbers cannot be: {error}"))
    return record, data


def to_line(record: Record) -> RecordLine:
    """Return a record as it is written."""
    measurement = None if record.measurement is None else to_flat(record.measurement)
    return RecordLine(case=record.case, status=record.status, reason=record.reason, measurement=measurement)


def from_line(line: RecordLine) -> Record:
    """Return the record of a line; raises ``ValueError`` where status and measurement do not agree, or a part is not valid."""
    measurement = None if line.measurement is None else from_flat(line.measurement)
    return Record(case=line.case, status=line.status, reason=line.reason, measurement=measurement)
