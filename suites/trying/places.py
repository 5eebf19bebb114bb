"""Finds the line of a user's file that an error comes from, also where a compiler raised it."""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterator
from pathlib import Path

from rsc_bench.beside import is_beside
from rsc_bench.text import error_line, first_line

_NUMBA = re.compile(r'File "(?P<file>[^"]+)", line (?P<line>\d+)')
_COLOUR = re.compile(r"\x1b\[[\d;]*m")
_TRITON = re.compile(r"^at (?P<line>\d+):\d+:", re.MULTILINE)


def blamed(error: BaseException, file: Path) -> tuple[str | None, str]:
    """Return the place in a user's file, or in one beside it, ``mine.py:14``, None where it is in neither; and the error in a line.

    Args:
        error: as it was raised; what caused it counts first, as Triton's interpreter and Numba raise errors of their own.
        file: the user's, as it was loaded.
    """
    for each in _causes(error):
        place = _of_compiler(each, file) or _of_frames(each, file)
        if place is not None:
            return place, _words(each)
    return None, error_line(error)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what led to it, the first cause first."""
    chain, each = [error], error.__cause__ or error.__context__
    while each is not None and each not in chain:
        chain.append(each)
        each = each.__cause__ or each.__context__
    return reversed(chain)


def _of_frames(error: BaseException, file: Path) -> str | None:
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if frame.filename == str(file) or is_beside(frame.filename)]
    return f"{Path(own[-1].filename).name}:{own[-1].lineno}" if own else None


def _of_compiler(error: BaseException, file: Path) -> str | None:
    """The place that a compiler writes into its message."""
    # Numba shortens the path; the last place is the innermost, the ones before it are those that call it.
    found = [hit for hit in _NUMBA.finditer(str(error)) if Path(hit["file"]).name == file.name or is_beside(hit["file"])]
    if found and type(error).__module__.startswith("numba"):
        return f"{Path(found[-1]['file']).name}:{found[-1]['line']}"
    hit = _TRITON.search(str(error))
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(file)]
    if hit and frames and type(error).__module__.startswith("triton"):
        return f"{file.name}, line {hit['line']} of its function"
    return None


def _words(error: BaseException) -> str:
    """An error in a line; of a compiler the line that says what is wrong, which is not its first."""
    lines = [line.strip() for line in _COLOUR.sub("", str(error)).splitlines() if line.strip()]
    if type(error).__module__.startswith("numba") and len(lines) > 1:
        return f"{type(error).__name__}: {lines[1]}"
    if type(error).__module__.startswith("triton") and lines:
        return f"{type(error).__name__}: {lines[-1]}"
    return f"{type(error).__name__}: {first_line(error)}".rstrip(": ")
