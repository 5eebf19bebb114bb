"""Appends records to a results file, one JSON object a line."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from rsc_bench.files import refusal, to_stderr
from rsc_bench.harness.records import disk as disks
from rsc_bench.harness.records.case import Case
from rsc_bench.harness.records.disk import THIS_MACHINE, Disk
from rsc_bench.harness.records.environments import check, differences
from rsc_bench.harness.records.file import ResultsError, read, refuse_device, scan
from rsc_bench.harness.records.lines import encode, last_round, readable
from rsc_bench.harness.records.run import SCHEMA, Record, Round, uncollected


def log_of(results: Path) -> Path:
    """Return the path of the log beside a results file: of a name that nobody gives what the terminal shows (``> run.log``)."""
    return results.with_name(f"{results.name}.log")


def refuse_other(path: Path, held: dict[str, Any], environment: Mapping[str, Any]) -> None:
    """Raise `ResultsError` where a results file holds what was measured in another environment than the one now."""
    # As it will read back, so that a tuple does not look like a change of machine.
    names = ", ".join(differences(held, msgspec.json.decode(msgspec.json.encode(environment))))
    if names:
        raise ResultsError(f"{path}: holds a run of another environment ({names} differ): give a new --results file")


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
        self.open_index: int | None = None
        """Index of the round that a record would be appended to; None: a round has to be started first."""
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
        refuse_device(self.path, pipe=False)
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
        with scan(self.path) as stored, uncollected():
            self.open_index = last_round(stored.whole_lines())
        refuse_other(self.path, run.environment, environment)
        return run.rounds

    def start_round(self, start: Round) -> None:
        """Write that a round starts, or that what follows belongs to one that is there."""
        self._write(encode({"round": start}))
        before, records = self._round_of(start.index) or (start, [])
        self.rounds = [each for each in self.rounds if each[0].index != start.index]
        self.rounds = sorted([*self.rounds, (before.continued(start), records)], key=lambda each: each[0].index)
        self.open_index = start.index

    def _round_of(self, index: int | None) -> tuple[Round, list[Record]] | None:
        return next((each for each in self.rounds if each[0].index == index), None)

    def append(self, *records: Record) -> None:
        """Write records of the round that was started last, all of them at once.

        What could not be read back is written as failed, with why.
        """
        lines = [self._line(record) for record in records]
        self._write(b"".join(data for _, data in lines))
        opened = self._round_of(self.open_index)
        assert opened is not None
        opened[1].extend(record for record, _ in lines)

    def _line(self, record: Record) -> tuple[Record, bytes]:
        try:
            return readable(record)
        except ValueError as error:
            raise ResultsError(f"{self.path}: {record.case} cannot be recorded ({error}): give it shorter names") from None

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
