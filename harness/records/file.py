"""Appends records to a results file, one JSON object a line, and reads a file back as a run."""

from __future__ import annotations

import contextlib
import errno
import gc
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from rsc_bench.files import refusal
from rsc_bench.harness.records.case import Case
from rsc_bench.harness.records.disk import THIS_MACHINE, Disk
from rsc_bench.harness.records.environments import differences
from rsc_bench.harness.records.lines import Line, RecordLine, from_line, to_line
from rsc_bench.harness.records.run import SCHEMA, Record, Round, Run


class ResultsError(Exception):
    """A results file that cannot be used; the message names the file, the rule and the remedy."""


_decode = msgspec.json.Decoder(Line).decode

# What a line can be wrong with: not JSON, not of our types, not UTF-8, nested past the interpreter's depth.
_DAMAGE = (msgspec.MsgspecError, ValueError, RecursionError)
_REMEDY = "give a .jsonl file written by the suites (--benchmark)"

# What a file system without hard links, or one without locks, answers (link(2), flock(2)).
_NOT_SUPPORTED = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.ENOLCK, errno.EMLINK)


def read(path: str | Path) -> Run:
    """Return the run in a results file.

    A last line without its end is a write that was killed: it is left out. Raises `ResultsError` for a file that is
    missing, empty, not a results file, of another schema, or damaged before its last line.
    """
    path = Path(path)
    lines = _finished_lines(path)
    environment = _environment(path, lines[0])
    rounds: list[tuple[Round, list[Record]]] = []
    with _uncollected():
        for number, text in enumerate(lines[1:], start=2):
            _add(path, number, text, rounds)
    return Run(path=path, environment=environment, rounds=rounds)


@contextlib.contextmanager
def _uncollected() -> Iterator[None]:
    """Keep the garbage collector from going through 100,000 records again and again: none of them is garbage."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _finished_lines(path: Path) -> list[bytes]:
    """The lines that have their end, at least one."""
    try:
        if path.exists() and not (path.is_file() or path.is_fifo() or path.is_dir()):
            raise _no_regular_file(path)
        data = path.read_bytes()
    except OSError as error:
        raise ResultsError(f"{path}: cannot be read ({error.strerror}): give the path of a results file") from None
    if not data:
        raise ResultsError(f"{path}: a results file begins with a run line (this one is empty): measure into a new file")
    lines = data.split(b"\n")[:-1]
    if not lines:
        what = "was cut short in its run line" if data.startswith(b'{"run":') else "has no run line, so it is not a results file"
        raise ResultsError(f"{path}: {what}: {_REMEDY}")
    return lines


def _environment(path: Path, text: bytes) -> dict[str, Any]:
    try:
        schema = msgspec.json.decode(text)["run"]["schema"]
    except (*_DAMAGE, KeyError, TypeError, IndexError):
        raise ResultsError(f"{path}: line 1 is no run line, so this is not a results file: {_REMEDY}") from None
    if schema != SCHEMA:
        raise ResultsError(f"{path}: schema must be {SCHEMA} (got {str(schema)[:20]}): read it with the version that wrote it")
    head = _line(path, 1, text).run
    assert head is not None
    return head.environment


def _line(path: Path, number: int, text: bytes) -> Line:
    try:
        return _decode(text)
    except _DAMAGE as error:
        raise ResultsError(f"{path}: line {number} is damaged ({error}): restore the file or measure into a new one") from None


def _add(path: Path, number: int, text: bytes, rounds: list[tuple[Round, list[Record]]]) -> None:
    line = _line(path, number, text)
    if line.round is not None:
        rounds.append((line.round, []))
    elif line.record is not None:
        if not rounds:
            raise ResultsError(f"{path}: line {number} is a record before the first round: measure into a new file")
        rounds[-1][1].append(_record(path, number, line.record))
    else:
        raise ResultsError(f"{path}: line {number} is neither a round nor a record: measure into a new file")


def _record(path: Path, number: int, line: RecordLine) -> Record:
    try:
        return from_line(line)
    except ValueError as error:
        raise ResultsError(f"{path}: line {number} is damaged ({error}): restore the file or measure into a new one") from None


class ResultsFile:
    """A results file open for appending; each line is in the file when the call that wrote it returns."""

    def __init__(self, path: Path, environment: dict[str, Any], disk: Disk = THIS_MACHINE) -> None:
        """Create `path`, or carry on in it. Raises `ResultsError` where it is not ours or cannot be written."""
        self.path = path
        self._disk = disk
        self._fd: int | None = None
        # As it will read back, so that a tuple does not look like a change of machine.
        environment = msgspec.json.decode(msgspec.json.encode(environment))
        try:
            self._fd = _opened(path, _encoded({"run": {"schema": SCHEMA, "environment": environment}}), disk)
            # Before the first look at the contents: another run's last line may be half written.
            _lock(self._fd, path, disk)
            self.rounds = self._existing(environment)
            _drop_half_line(self._fd, path)
        except OSError as error:
            self.close()
            raise self._unwritable(error) from None
        except ResultsError:
            self.close()
            raise

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
        self._write({"round": start})
        self.rounds.append((start, []))

    def append(self, record: Record) -> None:
        """Write one record of the round that was started last."""
        self._write({"record": to_line(record)})
        self.rounds[-1][1].append(record)

    def done(self) -> set[Case]:
        """Return the cases that the last round has already."""
        return {record.case for record in self.rounds[-1][1]} if self.rounds else set()

    def _write(self, line: dict[str, Any]) -> None:
        assert self._fd is not None
        data = _encoded(line)
        try:
            # One call a line: a kill leaves a whole line, or a half one at the very end, which the next run takes off.
            if self._disk.write(self._fd, data) < len(data):
                _drop_half_line(self._fd, self.path)
                raise OSError(0, "the disk is full")
        except OSError as error:
            raise self._unwritable(error) from None

    def _unwritable(self, error: OSError) -> ResultsError:
        return ResultsError(f"{self.path}: cannot be written ({refusal(self.path, error)}): give another --results path")

    def close(self) -> None:
        """Close the file and let go of its lock; it can be opened again to carry on."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


def _encoded(line: dict[str, Any]) -> bytes:
    return msgspec.json.encode(line) + b"\n"


def _no_regular_file(path: Path) -> ResultsError:
    return ResultsError(f"{path}: a results file is a regular file (this is a device): {_REMEDY}")


def _opened(path: Path, head: bytes, disk: Disk) -> int:
    """Open `path` to append, made with its run line where there is none; a link stays, and what it points at is written."""
    target = Path(os.path.realpath(path))
    if not target.exists():
        _create(target, head, disk)
    if target.exists() and not (target.is_file() or target.is_dir()):
        raise _no_regular_file(path)
    return os.open(target, os.O_RDWR | os.O_APPEND)


def _create(path: Path, head: bytes, disk: Disk) -> None:
    """Make `path` with its run line in one step: killed before it, there is no file; after it, a usable one.

    Where another run has made it first, its file stays.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.urandom(4).hex()}")
    try:
        draft.write_bytes(head)
        with contextlib.suppress(FileExistsError):
            _link(draft, path, head, disk)
    finally:
        draft.unlink(missing_ok=True)


def _link(draft: Path, path: Path, head: bytes, disk: Disk) -> None:
    """Give the draft its name, unless the name is taken: a rename would pull the file from under the run that writes it."""
    try:
        disk.link(draft, path)
    except OSError as error:
        if error.errno not in _NOT_SUPPORTED:
            raise
        with path.open("xb") as file:
            file.write(head)


def _lock(fd: int, path: Path, disk: Disk) -> None:
    """Refuse a file that another run has open; the lock goes with the process, however it ends."""
    try:
        disk.lock(fd)
    except BlockingIOError:
        raise ResultsError(f"{path}: another run is writing to it: wait for it, or give another --results file") from None
    except OSError as error:
        if error.errno not in _NOT_SUPPORTED:  # without locks, one run at a time is for the user to see to
            raise


def _drop_half_line(fd: int, path: Path) -> None:
    """Cut off half a line at the end: it is no record, and the next line must not be glued to it."""
    data = path.read_bytes()
    if not data.endswith(b"\n"):
        os.ftruncate(fd, data.rfind(b"\n") + 1)
