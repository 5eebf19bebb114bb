"""Bounds what a compressed file may become in memory, before a reader trusts it."""

from __future__ import annotations

import bz2
import codecs
import csv
import gzip
import struct
import tempfile
import tokenize
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
FREE_BYTES, BYTES_A_BYTE = 2**28, 64
"""A packed file may unpack to so many bytes whatever its size, and so many more for each of its own: graphs pack to a fifth."""
CHUNK = 2**20
MOST_SHOWN = 60
"""Letters of a file that an error shows."""
UNREADABLE = (
    OSError, ValueError, TypeError, LookupError, AttributeError, EOFError, ArithmeticError, MemoryError, RuntimeError, SyntaxError,
    csv.Error, tokenize.TokenError, zipfile.BadZipFile, zlib.error, struct.error,
)  # fmt: skip
"""What the readers of Python, NumPy and SciPy raise on damaged files.

A `RuntimeError` is too deep a nesting in JSON, a zip file with a password, or MATLAB 7.3 (`NotImplementedError`).
"""
_PACKED: dict[str, type[gzip.GzipFile] | type[bz2.BZ2File]] = {".gz": gzip.GzipFile, ".bz2": bz2.BZ2File}


def too_large(path: Path, size: int, most: int | None = None) -> GraphError:
    """Return the error for a file whose contents pass the limit, `MOST_BYTES` where it is not said."""
    most = MOST_BYTES if most is None else most
    remedy = "give a smaller graph" if most == MOST_BYTES else "give a smaller graph, or do not pack it"
    return GraphError(f"{path}: may hold at most {most:,} bytes once decompressed (got {size:,} or more): {remedy}")


def most_unpacked(path: Path) -> int:
    """Return to how many bytes a packed file may unpack: a small one must not take gigabytes."""
    return min(MOST_BYTES, FREE_BYTES + BYTES_A_BYTE * path.stat().st_size)


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
    with readable(path, "an .npz archive"), path.open("rb") as file, zipfile.ZipFile(file) as archive:
        members = archive.infolist()
        file.seek(0)
        if file.read(2) != b"PK":  # NumPy would take it for a pickle, and say so
            raise ValueError("it does not begin as a zip file does")
    # Reading a member stops at this size, so a header that lies about it cannot do harm.
    size = sum(member.file_size for member in members)
    if size > (most := most_unpacked(path)):
        raise too_large(path, size, most)
    return [member.filename.removesuffix(".npy") for member in members]


@contextmanager
def unpacked(path: Path) -> Iterator[Path]:
    """Yield a plain file with what is in a packed one, or the file itself where its name is not that of one."""
    opened = _PACKED.get(path.suffix.lower())
    if opened is None:
        check_size(path)
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / path.stem
        total, most = 0, most_unpacked(path)
        with readable(path, path.suffix[1:].lower()), opened(path) as packed, plain.open("wb") as file:
            while piece := packed.read(CHUNK):
                total += file.write(piece)
                if total > most:
                    raise too_large(path, total, most)
        yield plain


def cut(text: str) -> str:
    """Return what an error shows of a text from a file: quoted, its start only, and with nothing that moves the cursor."""
    return repr(text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}…")


def check_size(path: Path) -> None:
    """Raise where a plain file is larger than `MOST_BYTES`."""
    if path.stat().st_size > MOST_BYTES:
        raise too_large(path, path.stat().st_size)


def check_text(path: Path) -> None:
    """Raise where a byte order mark says that a text is not UTF-8; that of UTF-8 itself is fine."""
    with path.open("rb") as file:
        start = file.read(2)
    if start in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        raise GraphError(f"{path}: a text must be UTF-8 (its byte order mark is that of UTF-16 or UTF-32): save it as UTF-8")
