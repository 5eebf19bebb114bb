"""Records as they stand on disk, a line each, and back."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from rsc_bench.harness.records.case import Case
from rsc_bench.harness.records.measurement import Flat, from_flat, to_flat
from rsc_bench.harness.records.ranges import MANY_LETTERS, Name, Text
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
    node: Name | msgspec.UnsetType = msgspec.UNSET
    """The device that measured it, where several shared the sweep."""


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
ROUND_LINE = b'{"round":'
"""How a line begins that starts a round, or goes on with one of that index."""
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
        return readable(Record(case=record.case, status="failed", reason=f"its numbers cannot be: {error}", node=record.node))
    return record, data


def to_line(record: Record) -> RecordLine:
    """Return a record as it is written."""
    measurement = None if record.measurement is None else to_flat(record.measurement)
    node = msgspec.UNSET if record.node is None else record.node
    return RecordLine(case=record.case, status=record.status, reason=record.reason, measurement=measurement, node=node)


def from_line(line: RecordLine) -> Record:
    """Return the record of a line; raises ``ValueError`` where status and measurement do not agree, or a part is not valid."""
    measurement = None if line.measurement is None else from_flat(line.measurement)
    node = None if line.node is msgspec.UNSET else line.node
    return Record(case=line.case, status=line.status, reason=line.reason, measurement=measurement, node=node)


def by_round(lines: Callable[[], Iterable[bytes]]) -> list[tuple[Round, list[tuple[int, int]]]] | None:
    """Return each round in its order, with the number and the place in the file of the lines of its records.

    Devices that share a sweep are in different rounds at a time, so that a file may go on with an earlier one. None where each
    round has one line, which is usual, or where a line is none of ours: whoever reads it says what is wrong.

    Args:
        lines: goes through the whole lines of the file.
    """
    try:
        starts = [decode(text).round for text in lines() if text.startswith(ROUND_LINE)]
    except DAMAGE:
        return None
    if None in starts:
        return None
    found: dict[int, tuple[Round, list[tuple[int, int]]]] = {}
    for start in filter(None, starts):
        found[start.index] = (found[start.index][0].continued(start) if start.index in found else start, [])
    if len(found) == len(starts):
        return None
    coming, place = filter(None, starts), 0
    here: list[tuple[int, int]] = []
    for number, text in enumerate(lines(), start=1):
        if text.startswith(ROUND_LINE):
            here = found[next(coming).index][1]
        else:
            here.append((number, place))
        place += len(text)
    return [found[index] for index in sorted(found)]


def last_round(lines: Iterable[bytes]) -> int | None:
    """Return the index of the round that the last of some lines, which can be read, belongs to; None before the first."""
    starts = [text for text in lines if text.startswith(ROUND_LINE)]
    start = decode(starts[-1]).round if starts else None
    return None if start is None else start.index
