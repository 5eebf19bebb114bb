"""Writes files whole or not at all: a kill or a full disk leaves the old file, or none, and never half of one."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

MARK = "written by rsc-bench"
"""Stands near the start of every file of ours but results and pages, so that no file of another program is replaced by one."""


def write_whole(path: Path, text: str) -> None:
    """Write `text` to `path`, its folder made where it is missing; raises `OSError` where that cannot be done.

    A pipe or a device is written to and stays what it is; a link stays, and what it points at is replaced.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and not path.is_file():
        # A name from the file system need not be valid text.
        path.write_text(text, encoding="utf-8", errors="backslashreplace")
        return
    target = path.resolve()
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:50]}.")
    draft = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
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
