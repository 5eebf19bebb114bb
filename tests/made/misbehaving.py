"""Functions that do to a file what `watched_process.Watched` must notice."""

import ctypes
import os
import time
from pathlib import Path


def act(path: Path) -> None:
    """Do what the name of the file says."""
    ACTS[path.name](path)


def _take(path: Path) -> None:
    bytearray(300_000_000)


def _raise(path: Path) -> None:
    raise ValueError("it is damaged")


def _print(path: Path) -> None:
    os.write(1, b'{"error": "printed"}\n')


ACTS = {
    "nothing": lambda path: None,
    "print": _print,
    "raise": _raise,
    "exit": lambda path: os._exit(0),
    "crash": lambda path: ctypes.string_at(0),
    "hang": lambda path: time.sleep(60),
    "take": _take,
}
