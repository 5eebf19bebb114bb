"""What appending to a results file needs of a file system: how it is made, locked and watched, also where some of it is refused."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import tempfile
from pathlib import Path
from typing import BinaryIO

# What a file system without hard links, or one without locks, answers (link(2), flock(2)).
_NOT_SUPPORTED = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.ENOLCK, errno.EMLINK)
_BLOCK_BYTES = 2**16


class Disk:
    """The file system of this machine; each operation raises ``OSError`` where it is refused."""

    def link(self, draft: Path, path: Path) -> None:
        """Give a file a second name; ``FileExistsError`` where the name is taken (link(2))."""
        path.hardlink_to(draft)

    def lock(self, fd: int) -> None:
        """Lock an open file for this process alone; ``BlockingIOError`` where another one has it (flock(2))."""
        import fcntl  # not on Windows, where results are read all the same

        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def write(self, fd: int, data: bytes) -> int:
        """Append bytes in one call, and return how many were written (write(2))."""
        return os.write(fd, data)


THIS_MACHINE = Disk()


def opened_to_read(path: Path) -> BinaryIO:
    """Open a file to be read more than once; what comes out of a pipe is kept in a file without a name."""
    file = path.open("rb")
    if path.is_file():
        return file
    kept = tempfile.TemporaryFile()  # noqa: SIM115  (whoever reads it closes it)
    with file:
        shutil.copyfileobj(file, kept)
    kept.seek(0)
    return kept


def opened(target: Path, head: bytes, disk: Disk) -> int:
    """Open a file to append, made with its first line where there is none."""
    if not target.exists():
        _create(target, head, disk)
    return os.open(target, os.O_RDWR | os.O_APPEND)


def _create(path: Path, head: bytes, disk: Disk) -> None:
    """Make `path` with its first line in one step: killed before it, there is no file; after it, a usable one.

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


def lock(fd: int, disk: Disk) -> None:
    """Lock an open file; the lock goes with the process, however it ends. ``BlockingIOError`` where another process has it."""
    try:
        disk.lock(fd)
    except BlockingIOError:
        raise
    except OSError as error:
        if error.errno not in _NOT_SUPPORTED:  # without locks, one run at a time is for the user to see to
            raise


def whole_lines_bytes(fd: int) -> int:
    """Return how many bytes of an open file belong to lines that have their end."""
    end = os.fstat(fd).st_size
    while end:
        begin = max(0, end - _BLOCK_BYTES)
        found = os.pread(fd, end - begin, begin).rfind(b"\n")
        if found >= 0:
            return begin + found + 1
        end = begin
    return 0


def drop_half_line(fd: int) -> None:
    """Cut off half a line at the end of an open file: it is no record, and the next line must not be glued to it."""
    end = whole_lines_bytes(fd)
    if end < os.fstat(fd).st_size:
        os.ftruncate(fd, end)


def gone(fd: int, path: Path) -> str | None:
    """Return what became of the file that was opened as `path`, where that is no longer its name; None where it is."""
    try:
        there = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return "was moved" if os.fstat(fd).st_nlink else "was removed"
    except OSError:  # a folder that may not be looked into any more says nothing of the file
        return None
    return None if os.path.samestat(there, os.fstat(fd)) else "was replaced"


def copied_beside(fd: int, path: Path) -> Path:
    """Copy an open file, which may have no name left, to a new one beside `path`, and return that one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    number = 1
    while True:
        beside = path.with_name(f"{path.stem}.kept{'' if number == 1 else number}{path.suffix}")
        try:
            with beside.open("xb") as file:
                while block := os.pread(fd, _BLOCK_BYTES, file.tell()):
                    file.write(block)
        except FileExistsError:
            number += 1
        else:
            return beside
