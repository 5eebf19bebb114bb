"""Appends records to a results file, one JSON object a line, and reads a file back as a run."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec

from harness.record import SCHEMA, Case, Record, Round, Run


class ResultsError(Exception):
    """A results file that cannot be used; the message names the file, the rule and the remedy."""


class _Head(msgspec.Struct):
    schema: int
    environment: dict[str, Any]


class _Line(msgspec.Struct):
    run: _Head | None = None
    round: Round | None = None
    record: Record | None = None


_decode = msgspec.json.Decoder(_Line).decode


def read(path: str | Path) -> Run:
    """Return the run in a results file.

    A last line without its end is a write that was killed: it is left out. Raises `ResultsError` for a file that is
    missing, empty, not a results file, of another schema, or damaged before its last line.
    """
    path = Path(path)
    lines = _finished_lines(path)
    if not lines:
        raise ResultsError(f"{path}: a results file begins with a run line (this one is empty): measure into a new file")
    environment = _environment(path, lines[0])
    rounds: list[tuple[Round, list[Record]]] = []
    for number, text in enumerate(lines[1:], start=2):
        _add(path, number, text, rounds)
    return Run(path=path, environment=environment, rounds=rounds)


def _finished_lines(path: Path) -> list[bytes]:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ResultsError(f"{path}: cannot be read ({error.strerror}): give the path of a results file") from None
    return data[: data.rfind(b"\n") + 1].splitlines()


def _environment(path: Path, text: bytes) -> dict[str, Any]:
    remedy = "give a .jsonl file written by `pytest suites/ --benchmark`"
    try:
        schema = msgspec.json.decode(text)["run"]["schema"]
    except (msgspec.DecodeError, KeyError, TypeError, IndexError):
        raise ResultsError(f"{path}: line 1 is no run line, so this is not a results file: {remedy}") from None
    if schema != SCHEMA:
        raise ResultsError(f"{path}: schema must be {SCHEMA} (got {schema!r}): read it with the version that wrote it")
    head = _line(path, 1, text).run
    assert head is not None
    return head.environment


def _line(path: Path, number: int, text: bytes) -> _Line:
    try:
        return _decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ResultsError(f"{path}: line {number} is damaged ({error}): restore the file or measure into a new one") from None


def _add(path: Path, number: int, text: bytes, rounds: list[tuple[Round, list[Record]]]) -> None:
    line = _line(path, number, text)
    if line.round is not None:
        rounds.append((line.round, []))
    elif line.record is not None:
        if not rounds:
            raise ResultsError(f"{path}: line {number} is a record before the first round: measure into a new file")
        rounds[-1][1].append(line.record)
    else:
        raise ResultsError(f"{path}: line {number} is neither a round nor a record: measure into a new file")


class ResultsFile:
    """A results file open for appending; each line is in the file when the call that wrote it returns."""

    def __init__(self, path: Path, environment: dict[str, Any]) -> None:
        """Create `path`, or carry on in it. Raises `ResultsError` where it is not ours or cannot be written."""
        self.path = path
        self._fd: int | None = None
        existing = self._existing()
        self.rounds = existing.rounds if existing else []
        if existing and existing.environment != environment:
            names = sorted(k for k in {*existing.environment, *environment} if existing.environment.get(k) != environment.get(k))
            raise ResultsError(f"{path}: holds a run of another environment ({', '.join(names)} differ): give a new --results file")
        self._open()
        if existing is None:
            self._write({"run": {"schema": SCHEMA, "environment": environment}})

    def _existing(self) -> Run | None:
        if not self.path.exists():
            return None
        if self.path.is_file() and self.path.stat().st_size == 0:
            raise ResultsError(f"{self.path}: is empty, and nothing is overwritten: delete it or give a new --results file")
        return read(self.path)

    def _open(self) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        except OSError as error:
            raise ResultsError(f"{self.path}: cannot be written ({error.strerror}): give another --results path") from None
        data = self.path.read_bytes()
        if data and not data.endswith(b"\n"):
            # A killed write left half a line. It is no record, and the next line must not be glued to it.
            os.ftruncate(self._fd, data.rfind(b"\n") + 1)

    def start_round(self, start: Round) -> None:
        """Write that a round starts."""
        self.rounds.append((start, []))
        self._write({"round": start})

    def append(self, record: Record) -> None:
        """Write one record of the round that was started last."""
        self.rounds[-1][1].append(record)
        self._write({"record": record})

    def done(self) -> set[Case]:
        """Return the cases that the last round holds already."""
        return {record.case for record in self.rounds[-1][1]} if self.rounds else set()

    def _write(self, line: dict[str, Any]) -> None:
        assert self._fd is not None
        os.write(self._fd, msgspec.json.encode(line) + b"\n")

    def close(self) -> None:
        """Close the file; it can be opened again to carry on."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None
