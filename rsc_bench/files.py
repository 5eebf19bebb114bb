"""Writes files whole or not at all: a kill or a full disk leaves the old file, or none, and never half of one.

What is kept for a user to look at later, as a traceback, is in one folder, little, and not for long.
"""

from __future__ import annotations

import os
import shlex
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from traceback import format_exception

from rsc_bench import __version__, caches
from rsc_bench.text import error_line, plain

MARK = "written by rsc-bench"
"""Stands near the start of every file of ours but results and pages, so that no file of another program is replaced by one."""

MOST_KEPT, KEPT_S = 5, 7 * 24 * 3600.0
"""Files that are kept at most, and for how long."""


def keep(name: str, text: str) -> Path:
    """Keep a text for the user to look at, and return where; raises ``OSError`` where there is no place for it."""
    path = _kept() / f"{name}-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.txt"
    write_whole(path, text)
    return path


def keep_traceback(error: BaseException) -> str:
    """Keep the traceback of an error of ours, and return the line that says where."""
    what = f"an error of rsc-bench itself ({error_line(error)})"
    lines = [f"rsc-bench {__version__}, Python {sys.version.split()[0]}: {shlex.join(sys.argv)}\n\n", *format_exception(error)]
    try:
        return f"{what}: please report it with its traceback, which is in {keep('error', ''.join(lines))}"
    except OSError as unkept:
        return f"{what}: please report it; its traceback cannot be kept ({unkept.strerror})"


def clean_kept() -> None:
    """Remove what was kept long enough, and all but the newest files."""
    with suppress(OSError):
        found = sorted(((path.stat().st_mtime, path) for path in _kept().glob("*.txt")), reverse=True)
        for place, (written, path) in enumerate(found):
            if place >= MOST_KEPT or written < time.time() - KEPT_S:
                path.unlink(missing_ok=True)


def _kept() -> Path:
    return caches.own() / "kept"


def write_whole(path: Path, content: str | bytes) -> None:
    """Write `content`, a text as UTF-8, to `path`, its folder made where it is missing; raises `OSError` where that cannot be done.

    A pipe or a device is written to and stays what it is; a link stays, and what it points at is replaced.
    """
    # A name from the file system need not be valid text.
    data = content if isinstance(content, bytes) else content.encode("utf-8", errors="backslashreplace")
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and not path.is_file():
        path.write_bytes(data)
        return
    target = path.resolve()
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:50]}.")
    draft = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        draft.chmod(0o666 & ~_umask())
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)


def refusal(path: Path, error: OSError) -> str:
    """Return in words why the system refuses to write `path`, naming the part of it that stands in the way."""
    if isinstance(error, IsADirectoryError):
        return "it is a folder, not a file"
    if isinstance(error, FileNotFoundError):
        return "no file can be made in its folder"
    if isinstance(error, FileExistsError | NotADirectoryError):
        for part in path.parents:
            if part.is_file():
                return f"{part} is a file, not a folder"
    return error.strerror or str(error)


def _umask() -> int:
    """Return the process's mask for new files; there is no way to read it but to set it."""
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def to_stderr(message: str) -> None:
    """Write a line to the standard error output."""
    sys.stderr.write(f"{plain(message)}\n")
