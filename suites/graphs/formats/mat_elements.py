"""Checks the elements of a MAT-file 5 before SciPy reads it, because its reader crashes on types that it does not know."""

from __future__ import annotations

import struct
import zlib
from typing import IO, TYPE_CHECKING, Protocol

from rsc_bench.suites.graphs.formats import limits

if TYPE_CHECKING:
    from pathlib import Path

# Element types: MathWorks, MAT-File Format, table 1-1.
_MATRIX, _COMPRESSED = 14, 15
_TYPES = {1, 2, 3, 4, 5, 6, 7, 9, 12, 13, 14, 16, 17, 18}
_HEADER_BYTES = 128
_LITTLE, _BIG = b"\x00\x01IM", b"\x01\x00MI"
"""Version and byte order at the end of the header."""


class _Bytes(Protocol):
    def read(self, count: int, /) -> bytes: ...


class _Inflating:
    """Reads from the next compressed bytes of a file as if they were not compressed."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self._file = file
        self._left = size
        self._inflate = zlib.decompressobj()

    def read(self, count: int, /) -> bytes:
        """Return `count` bytes, fewer at the end."""
        parts = []
        while count > 0 and (part := self._some(count)):
            parts.append(part)
            count -= len(part)
        return b"".join(parts)

    def _some(self, count: int) -> bytes:
        while True:
            packed = self._inflate.unconsumed_tail or self._file.read(min(self._left, limits.CHUNK))
            self._left -= 0 if self._inflate.unconsumed_tail else len(packed)
            part = self._inflate.decompress(packed, count)
            if part or not packed:
                return part


def check_mat(path: Path) -> None:
    """Raise `GraphError` where the elements are too large together, ``ValueError`` where one is of no known type or cut short."""
    with path.open("rb") as file:
        end = file.read(_HEADER_BYTES)[-4:]
        if end not in (_LITTLE, _BIG):
            raise ValueError("the header is not that of a MAT-file 5")
        order, total, most = "<" if end == _LITTLE else ">", 0, limits.most_unpacked(path)
        while len(tag := file.read(8)) == 8:
            kind, size = struct.unpack(f"{order}II", tag)
            start = file.tell()
            inflating = _Inflating(file, size) if kind == _COMPRESSED else None
            total += _check_matrix(inflating or file, tag if inflating is None else inflating.read(8), order, most)
            if total > most:
                raise limits.too_large(path, total, most)
            file.seek(start + size)


def _check_matrix(source: _Bytes, tag: bytes, order: str, most: int) -> int:
    """Check the elements in a matrix whose tag was read; return the matrix's size, unchecked where it is past the limit."""
    kind, left = struct.unpack(f"{order}II", tag)
    if kind != _MATRIX:
        raise ValueError(f"an element has type {kind} instead of {_MATRIX}")
    size = int(left)
    while left > 0 and size <= most:
        kind, inner = struct.unpack(f"{order}II", source.read(8))
        if small := kind >> 16:
            kind, inner = kind & 0xFFFF, 0
        if kind not in _TYPES or small > 4 or inner > left - 8:
            raise ValueError(f"an element has type {kind} and {small or inner} bytes")
        left -= 8 + inner + -inner % 8
        _skip(source, inner + -inner % 8)
    return size


def _skip(source: _Bytes, count: int) -> None:
    while count > 0:
        piece = source.read(min(count, limits.CHUNK))
        if not piece:
            raise ValueError("an element is cut short")
        count -= len(piece)
