"""Frames on a pipe between two processes: a kind of one byte, a length, and the content."""

from __future__ import annotations

import contextlib
import struct
from typing import IO

READY, NOTE, ANSWER, END = b"!", b"+", b"=", b""
_HEAD = struct.Struct(">cQ")
_MOST_BYTES = 1 << 30
"""A frame that says it is longer was written by somebody else's code: an answer with the most samples has some kilobytes."""


def write(pipe: IO[bytes], kind: bytes, content: bytes) -> None:
    """Write a frame."""
    pipe.write(_HEAD.pack(kind, len(content)) + content)
    pipe.flush()


def read(pipe: IO[bytes]) -> tuple[bytes, bytes]:
    """Return a frame's kind and content; `END` where the pipe ends, also in the middle of a frame."""
    with contextlib.suppress(OSError, ValueError, MemoryError, OverflowError):  # of a length that is none
        head = pipe.read(_HEAD.size)
        if len(head) == _HEAD.size:
            kind, length = _HEAD.unpack(head)
            content = pipe.read(length) if length <= _MOST_BYTES else b""
            if len(content) == length and kind in (NOTE, ANSWER, READY):
                return kind, content
    return END, b""
