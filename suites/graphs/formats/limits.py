"""Bounds what a compressed file may become in memory, before a reader trusts it."""

from __future__ import annotations

import gzip
import struct
import tempfile
import zipfile
import zlib
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rsc_bench.suites.graphs.graph import GraphError

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_BYTES = 4 * 2**30
"""Largest decompressed size of a graph file: 4 GiB holds Reddit's 114.6 M edges in any of the formats."""
CHUNK = 2**20
UNREADABLE = (
    OSError, ValueError, TypeError, LookupError, AttributeError, EOFError, ArithmeticError, MemoryError, NotImplementedError,
    zipfile.BadZipFile, zlib.error, struct.error,
)  # fmt: skip
"""What NumPy's and SciPy's readers raise on damaged files; SciPy's `NotImplementedError` is its answer to MATLAB 7.3."""


def too_large(path: Path, size: int) -> GraphError:
    """Return the error for a file whose contents pass the limit."""
    return GraphError(
        f"{path}: may hold at most {MOST_BYTES:,} bytes once decompressed (got {size:,} or more): give a smaller graph"
    )


@contextmanager
def readable(path: Path, what: str) -> Iterator[None]:
    """Turn what a reader raises on a damaged file into one line."""
    try:
        yield
    except UNREADABLE as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        if "pickle" in reason:
            raise GraphError(f"{path}: holds pickled Python objects, which are never loaded: save plain arrays") from error
        raise GraphError(f"{path}: cannot be read as {what}, it is cut short or damaged ({reason}): get the file anew") from error


def check_zip(path: Path) -> list[str]:
    """Return the member names of a zip file without their ``.npy``; raises where the members are too large together."""
    with readable(path, "an .npz archive"), zipfile.ZipFile(path) as archive:
        members = archive.infolist()
    # Reading a member stops at this size, so a header that lies about it cannot do harm.
    size = sum(member.file_size for member in members)
    if size > MOST_BYTES:
        raise too_large(path, size)
    return [member.filename.removesuffix(".npy") for member in members]


@contextmanager
def unpacked(path: Path) -> Iterator[Path]:
    """Yield a plain file with what is in a gzip file, or the file itself where it is not gzipped; raises past `MOST_BYTES`."""
    if path.suffix.lower() != ".gz":
        check_size(path)
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / path.stem
        total = 0
        with readable(path, "gzip"), gzip.open(path) as packed, plain.open("wb") as file:
            while piece := packed.read(CHUNK):
                total += file.write(piece)
                if total > MOST_BYTES:
                    raise too_large(path, total)
        yield plain


def check_size(path: Path) -> None:
    """Raise where a plain file is larger than `MOST_BYTES`."""
    if path.stat().st_size > MOST_BYTES:
        raise too_large(path, path.stat().st_size)
