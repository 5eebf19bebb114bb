"""Appends records to a results file, one JSON object a line, and reads a file back: whole, or record by record."""

from __future__ import annotations

import contextlib
import gc
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from rsc_bench.files import refusal
from rsc_bench.harness.records import disk as disks
from rsc_bench.harness.records.case import Case
from rsc_bench.harness.records.disk import THIS_MACHINE, Disk
from rsc_bench.harness.records.environments import check, differences
from rsc_bench.harness.records.lines import DAMAGE, RUN_LINE, Line, RecordLine, decode, encode, from_line, readable
from rsc_bench.harness.records.run import SCHEMA, Entry, Record, Round, Run, unfinished
from rsc_bench.text import plain


class ResultsError(Exception):
    """A results file that cannot be used; the message names the file, the rule and the remedy."""


_REMEDY = "give a .jsonl file written by the suites (--benchmark)"


def log_of(results: Path) -> Path:
    """Return the path of the log beside a results file: of a name that nobody gives what the terminal shows (``> run.log``)."""
    return results.with_name(f"{results.name}.log")


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


class Stored:
    """A results file as it was when it was opened; in memory there is one record of it at a time."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self.path = path
        self._file = file
        self._end = _whole_lines_bytes(path, file)
        self.environment = self._environment()
        self._unfinished: list[str] | None = None

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
        for number, text in self._lines():
            line = self._line(number, text)
            if line.round is not None:
                starts.append(line.round)
                counts.append(0)
                yield line.round, None
            else:
                record = self._record(number, line.record, in_a_round=bool(starts))
                counts[-1] += 1
                yield starts[-1], record
        self._unfinished = unfinished(zip(starts, counts, strict=True))

    def _lines(self) -> Iterator[tuple[int, bytes]]:
        """Every line behind the first that had its end when the file was opened, with its number."""
        left = self._end
        with _readable(self.path):
            self._file.seek(0)
            for number, text in enumerate(self._file, start=1):
                left -= len(text)
                if left < 0:
                    return
                if number > 1:
                    yield number, text

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
        _refuse_device(path, pipe=True)
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


def _refuse_device(path: Path, *, pipe: bool) -> None:
    if path.exists() and not (path.is_file() or path.is_dir() or (pipe and path.is_fifo())):
        raise ResultsError(f"{path}: a results file is a regular file (this is a device): {_REMEDY}")


def to_stderr(message: str) -> None:
    """Write a line to the standard error output."""
    sys.stderr.write(f"{plain(message)}\n")


class ResultsFile:
    """A results file open for appending; each line is in the file when the call that wrote it returns."""

    def __init__(
        self, path: Path, environment: dict[str, Any], disk: Disk = THIS_MACHINE, say: Callable[[str], None] = to_stderr
    ) -> None:
        """Create `path`, or carry on in it. Raises `ResultsError` where it is not ours or cannot be written.

        Where the file is moved, removed or replaced later, `path` becomes that of a copy beside it, and `say` gets one line.
        """
        self.path = path
        self._disk, self._say = disk, say
        # A link stays, and what it points at is written.
        self._target = Path(os.path.realpath(path))
        self._fd: int | None = None
        # As it will read back, so that a tuple does not look like a change of machine.
        environment = msgspec.json.decode(msgspec.json.encode(environment))
        try:
            check(environment)
            self._open(encode({"run": {"schema": SCHEMA, "environment": environment}}))
            self.rounds = self._existing(environment)
            disks.drop_half_line(self._opened)
        except OSError as error:
            self.close()
            raise self._unwritable(error) from None
        except ValueError as error:
            raise ResultsError(f"{path}: cannot be begun ({error}): shorten what is recorded of the machine") from None
        except ResultsError:
            self.close()
            raise

    @property
    def _opened(self) -> int:
        assert self._fd is not None
        return self._fd

    def _open(self, head: bytes) -> None:
        _refuse_device(self.path, pipe=False)
        self._fd = disks.opened(self._target, head, self._disk)
        try:
            # Before the first look at the contents: another run's last line may be half written.
            disks.lock(self._fd, self._disk)
        except BlockingIOError:
            busy = "another run is writing to it: wait for it, or give another --results file"
            raise ResultsError(f"{self.path}: {busy}") from None

    def _existing(self, environment: dict[str, Any]) -> list[tuple[Round, list[Record]]]:
        if self.path.stat().st_size == 0:
            raise ResultsError(f"{self.path}: is empty, and nothing is overwritten: delete it or give a new --results file")
        run = read(self.path)
        names = ", ".join(differences(run.environment, environment))
        if names:
            raise ResultsError(f"{self.path}: holds a run of another environment ({names} differ): give a new --results file")
        return run.rounds

    def start_round(self, start: Round) -> None:
        """Write that a round starts."""
        self._write(encode({"round": start}))
        self.rounds.append((start, []))

    def append(self, record: Record) -> None:
        """Write one record of the round that was started last; what could not be read back is written as failed, with why."""
        try:
            record, data = readable(record)
        except ValueError as error:
            raise ResultsError(f"{self.path}: {record.case} cannot be recorded ({error}): give it shorter names") from None
        self._write(data)
        self.rounds[-1][1].append(record)

    def done(self) -> set[Case]:
        """Return the cases that the last round has already."""
        return {record.case for record in self.rounds[-1][1]} if self.rounds else set()

    def _write(self, data: bytes) -> None:
        try:
            self._follow()
            # One call a line: a kill leaves a whole line, or a half one at the very end, which the next run takes off.
            if self._disk.write(self._opened, data) < len(data):
                disks.drop_half_line(self._opened)
                raise OSError(0, "the disk is full")
        except OSError as error:
            raise self._unwritable(error) from None

    def _follow(self) -> None:
        """Carry on in a copy beside the file where its name is no longer that of what is open: a removed file ends with us."""
        became = disks.gone(self._opened, self._target)
        if became is None:
            return
        before, old = self.path, self._opened
        self.path = self._target = disks.copied_beside(old, self._target)
        self._open(b"")
        os.close(old)
        self._say(f"{before}: {became} while it was written to: all of its records, and those that follow, are in {self.path}")

    def _unwritable(self, error: OSError) -> ResultsError:
        return ResultsError(f"{self.path}: cannot be written ({refusal(self.path, error)}): give another --results path")

    def close(self) -> None:
        """Close the file and let go of its lock; it can be opened again to carry on."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None
