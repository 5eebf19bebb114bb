"""The operations of the file system that appending to a results file needs, and that one file system or another refuses."""

from __future__ import annotations

import os
from pathlib import Path


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
