"""Lets one process at a time make what several need: the others wait until it is made, or until its process is no more.

The lock is that of a file (flock(2)), which the system lets go of with the process, however that ends. The file itself goes when
the work is done, which is how one that waits tells that from a process that died: then it is its turn.
"""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from rsc_bench.harness.records import disk as disks
from rsc_bench.harness.records.disk import THIS_MACHINE, Disk
from rsc_bench.text import plain, shown

POLL_S = 0.2
"""Seconds between two looks at a lock of another process."""
PATIENCE_S = 10.0
"""Seconds after which it is said that a process waits."""
_MOST_BYTES = 200
"""Of what the process that is at work says of itself."""


@dataclass(frozen=True)
class Waiting:
    """How a process waits for its turn."""

    say: Callable[[str], object]
    """Takes a line, once, where it takes long."""
    disk: Disk = THIS_MACHINE
    now_s: Callable[[], float] = time.monotonic
    sleep: Callable[[float], object] = time.sleep


@contextlib.contextmanager
def turn(lock: Path, what: str, waiting: Waiting) -> Iterator[None]:
    """Hold a lock while something is made; first wait for the process that makes it already, if there is one.

    Whoever has waited looks again whether it is there. Where it is not (it could not be made, or not be kept), all that waited make
    it at once, as without locks. So they do where the file system has none, or no file can be made.

    Args:
        lock: the file to be locked, made where it is not there.
        what: is made, for a reader.
        waiting: how to wait.
    """
    held = _held(lock, what, waiting)
    try:
        yield
    finally:
        if held is not None:
            with contextlib.suppress(OSError):
                lock.unlink(missing_ok=True)
            os.close(held)


def _held(lock: Path, what: str, waiting: Waiting) -> int | None:
    """The open file that is locked for this process; None where it need not, or cannot, hold the lock."""
    began_s, said, flags = waiting.now_s(), False, os.O_RDWR | os.O_CREAT
    while True:
        try:
            held, owner = _tried(lock, flags, waiting.disk)
        except (OSError, ImportError):  # another process has finished; or there are no files, or no locks, to be had here
            return None
        if held is not None:
            return held
        if not said and waiting.now_s() - began_s >= PATIENCE_S:
            waiting.say(plain(f"waiting for {what}, which {owner or 'another process'} makes already"))
            said = True
        waiting.sleep(POLL_S)
        flags = os.O_RDWR  # from now on a file that is not there is one that its owner has removed


def _tried(lock: Path, flags: int, disk: Disk) -> tuple[int | None, str]:
    """The open file where the lock was to be had, else None and who has it; raises ``FileNotFoundError`` where it was removed."""
    file = os.open(lock, flags, 0o666)
    try:
        disks.lock(file, disk)
        # Else it was removed between being opened and locked, and another one may be there by now.
        if disks.gone(file, lock) is None:
            os.ftruncate(file, 0)
            os.pwrite(file, f"process {os.getpid()} on {socket.gethostname()}".encode(), 0)
            return file, ""
        os.close(file)
        return None, ""
    except BlockingIOError:
        owner = shown(os.pread(file, _MOST_BYTES, 0).decode(errors="replace").strip())
        os.close(file)
        return None, owner
    except BaseException:
        os.close(file)
        raise
