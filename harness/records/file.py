"""Reads a results file back, one JSON object a line: whole, or record by record."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from rsc_bench.harness.records import disk as disks
from rsc_bench.harness.records.environments import check
from rsc_bench.harness.records.lines import (
    DAMAGE,
    RUN_LINE,
    Line,
    RecordLine,
    by_round,
    decode,
    from_line,
)
from rsc_bench.harness.records.run import SCHEMA, Entry, Record, Round, Run, uncollected, unfinished


class ResultsError(Exception):
    """A results file that cannot be used; the message names the file, the rule and the remedy."""


_REMEDY = "give a .jsonl file written by the suites (--benchmark), or by `import` from pytest-benchmark's JSON"


def read(path: str | Path) -> Run:
    """Return the run in a results file.

    A last line without its end is a write that was killed: it is left out. Raises `ResultsError` for a file that is
    missing, empty, not a results file, of another schema, or damaged before its last line.
    """
    rounds: list[tuple[Round, list[Record]]] = []
    with scan(path) as stored, uncollected():
        for start, record in stored.entries():
            if record is None:
                rounds.append((start, []))
            else:
                rounds[-1][1].append(record)
        return Run(path=stored.path, environment=stored.environment, rounds=rounds)


@contextlib.contextmanager
def scan(path: str | Path) -> Iterator[Stored]:
    """Open a results file to go through its records; raises `ResultsError` as `read` does, at the line that is damaged."""
    path = Path(path)
    with _opened(path) as file:
        yield Stored(path, file)


class Stored:
    """A results file as it was when it was opened; in memory there is one record of it at a time."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self.path = path
        self._file = file
        self._end = _whole_lines_bytes(path, file)
        self.environment = self._environment()
        self._unfinished: list[str] | None = None
        self._apart: list[tuple[Round, list[tuple[int, int]]]] | None = None
        self._looked = False

    @property
    def unfinished(self) -> list[str]:
        """Each round that stopped before its last case, in words."""
        if self._unfinished is None:
            for _ in self.entries():
                pass
        assert self._unfinished is not None
        return self._unfinished

    def entries(self) -> Iterator[Entry]:
        """Yield each round, with None where it starts and then with each of its records; one pass over the file at a time."""
        starts: list[Round] = []
        counts: list[int] = []
        for number, line in self._lines():
            if line.round is not None:
                starts.append(line.round)
                counts.append(0)
                yield line.round, None
            else:
                record = self._record(number, line.record, in_a_round=bool(starts))
                counts[-1] += 1
                yield starts[-1], record
        self._unfinished = unfinished(zip(starts, counts, strict=True))

    def _lines(self) -> Iterator[tuple[int, Line]]:
        """Every line behind the first that had its end when the file was opened, with its number; those of a round together."""
        with _readable(self.path):
            if not self._looked:
                self._apart, self._looked = by_round(self.whole_lines), True
            if self._apart is None:
                yield from ((number, self._line(number, text)) for number, text in enumerate(self.whole_lines(), 1) if number > 1)
            for start, places in self._apart or ():
                yield 0, Line(round=start)
                for number, place in places:
                    self._file.seek(place)
                    yield number, self._line(number, self._file.readline())

    def whole_lines(self) -> Iterator[bytes]:
        """Yield every line that had its end when the file was opened."""
        left = self._end
        self._file.seek(0)
        for text in self._file:
            left -= len(text)
            if left < 0:
                return
            yield text

    def _environment(self) -> dict[str, Any]:
        with _readable(self.path):
            self._file.seek(0)
            text = self._file.readline()
        try:
            schema = msgspec.json.decode(text)["run"]["schema"]
        except (*DAMAGE, KeyError, TypeError, IndexError):
            raise ResultsError(f"{self.path}: line 1 is no run line, so this is not a results file: {_REMEDY}") from None
        if type(schema) is not int or schema != SCHEMA:
            shown = str(schema)[:20]
            raise ResultsError(f"{self.path}: schema must be {SCHEMA} (got {shown}): read it with the version that wrote it")
        head = self._line(1, text).run
        assert head is not None
        try:
            return check(head.environment)
        except ValueError as error:
            raise self._damaged(1, error) from None

    def _line(self, number: int, text: bytes) -> Line:
        try:
            return decode(text)
        except DAMAGE as error:
            raise self._damaged(number, error) from None

    def _record(self, number: int, line: RecordLine | None, *, in_a_round: bool) -> Record:
        if line is None:
            raise ResultsError(f"{self.path}: line {number} is neither a round nor a record: measure into a new file")
        if not in_a_round:
            raise ResultsError(f"{self.path}: line {number} is a record before the first round: measure into a new file")
        try:
            return from_line(line)
        except ValueError as error:
            raise self._damaged(number, error) from None

    def _damaged(self, number: int, error: BaseException) -> ResultsError:
        return ResultsError(f"{self.path}: line {number} is damaged ({error}): restore the file or measure into a new one")


def _opened(path: Path) -> BinaryIO:
    """The file, to be read more than once."""
    with _readable(path):
        refuse_device(path, pipe=True)
        return disks.opened_to_read(path)


@contextlib.contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Turn what the system refuses into a `ResultsError`."""
    try:
        yield
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        reason = getattr(error, "strerror", None) or error
        raise ResultsError(f"{path}: cannot be read ({reason}): give the path of a results file") from None


def _whole_lines_bytes(path: Path, file: BinaryIO) -> int:
    """The bytes of all lines that have their end, at least one."""
    with _readable(path):
        found = disks.whole_lines_bytes(file.fileno())
        if found:
            return found
        start = file.read(len(RUN_LINE))
    if not start:
        raise ResultsError(f"{path}: a results file begins with a run line (this one is empty): measure into a new file")
    what = "was cut short in its run line" if start == RUN_LINE else "has no run line, so it is not a results file"
    raise ResultsError(f"{path}: {what}: {_REMEDY}")


def refuse_device(path: Path, *, pipe: bool) -> None:
    """Raise `ResultsError` where a path is no regular file; `pipe`: nor one that can be read like one."""
    if path.exists() and not (path.is_file() or path.is_dir() or (pipe and path.is_fifo())):
        raise ResultsError(f"{path}: a results file is a regular file (this is a device): {_REMEDY}")
