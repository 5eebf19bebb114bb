"""Makes folders that are gone when their work is, and removes those that killed processes have left."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from rsc_bench.harness.machine import git
from rsc_bench.harness.records.disk import THIS_MACHINE

PREFIX = "rsc-bench-"
OWNER = "owner"
"""A file in each folder, which its process keeps locked: where it can be locked, the process is gone. It names the repository."""

CLAIMING_S = 60
"""Seconds in which a process has surely claimed the folder that it has made."""


@contextlib.contextmanager
def scratch(root: Path | None = None) -> Iterator[Path]:
    """Make a folder, and remove it at the end, however it comes.

    Args:
        root: top of the repository whose worktrees are made in the folder, and taken off its list at the end.
    """
    _remove_left_over()
    folder = Path(tempfile.mkdtemp(prefix=PREFIX)).resolve()
    owner = _claimed(folder, root)
    try:
        yield folder
    finally:
        _remove(folder, root)
        os.close(owner)


def _claimed(folder: Path, root: Path | None) -> int:
    """Return the open owner of a folder, locked; it gets its name when it is, so that nobody takes it for left over."""
    draft = folder / f".{OWNER}"
    draft.write_bytes(b"" if root is None else os.fsencode(root))
    descriptor = os.open(draft, os.O_RDWR)
    with contextlib.suppress(OSError):  # a file system without locks: what is left over there stays
        THIS_MACHINE.lock(descriptor)
        draft.rename(folder / OWNER)
    return descriptor


def _remove_left_over() -> None:
    """Remove every folder of this user's whose process is gone."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):
            # Where everybody may write, a folder of another user's, or a link to one, is not ours to remove.
            if folder.is_symlink() or folder.stat().st_uid != os.getuid():
                continue
            if (folder / OWNER).is_file():
                _remove_where_dead(folder)
            elif time.time() - folder.stat().st_mtime > CLAIMING_S:
                _remove_where_begun(folder)


def _remove_where_dead(folder: Path) -> None:
    descriptor = os.open(folder / OWNER, os.O_RDWR | os.O_NOFOLLOW)
    try:
        THIS_MACHINE.lock(descriptor)  # BlockingIOError, where its process lives
        named = os.read(descriptor, 4096)
        _remove(folder.resolve(), Path(os.fsdecode(named)) if named else None)
    finally:
        os.close(descriptor)


def _remove_where_begun(folder: Path) -> None:
    """Remove the folder of a process that was killed when it had just made it; one that holds anything is somebody else's."""
    if {path.name for path in folder.iterdir()} <= {f".{OWNER}"}:
        shutil.rmtree(folder)


def _remove(folder: Path, root: Path | None) -> None:
    """Remove a folder, and take its worktrees off a repository's list: also one that git had only begun to make."""
    shutil.rmtree(folder, ignore_errors=True)
    if root is None:
        return
    for line in git.run(root, "worktree", "list", "--porcelain").stdout.splitlines():
        path = Path(line.removeprefix("worktree "))
        if line.startswith("worktree ") and path.is_relative_to(folder):
            git.run(root, "worktree", "remove", "--force", "--force", str(path))
