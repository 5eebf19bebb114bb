"""Keeps arrays on disk by a key: whole or not at all, checked when they are read, and the least recently used removed for room.

An entry is a folder of plain ``.npy`` files, which are mapped into memory, and ``entry.json``, which says what they are. It is made
under another name and renamed when it is complete, so that processes beside each other see it whole or not.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import re
import shutil
import tempfile
import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rsc_bench import caches
from rsc_bench.suites.graphs.kept import turns
from rsc_bench.suites.graphs.kept.turns import Waiting

HEAD = "entry.json"
LAYOUT = 1
"""Of an entry on disk; another one is not read."""
LEFT_OVER_S = 3600
"""Age at which an unfinished entry is that of a process that was killed."""

Array = NDArray[Any]


class DamagedError(Exception):
    """An entry that is not as it was written, or has gone."""


@dataclass(frozen=True)
class Key:
    """What an entry is found by: all that its contents depend on."""

    name: str
    """For a reader who looks into the folder."""
    depends: Mapping[str, Any]
    """JSON types: names, versions, digests."""

    @property
    def folder(self) -> str:
        """Name of its folder: readable, and another one for each key."""
        text = json.dumps({"name": self.name, **self.depends}, sort_keys=True)
        readable = re.sub(r"[^A-Za-z0-9.]+", "-", self.name).strip("-.")[:60]
        return f"{readable}-{hashlib.blake2b(text.encode(), digest_size=12).hexdigest()}"


@dataclass(frozen=True)
class Entry:
    """What is kept under a key."""

    facts: Mapping[str, Any]
    """JSON types."""
    arrays: Mapping[str, Array]


class Found:
    """An entry on disk, its arrays mapped into memory; what is written to them stays in this process."""

    def __init__(self, facts: Mapping[str, Any], arrays: Mapping[str, Array], checksums: Mapping[str, int]) -> None:
        self.facts = facts
        self._arrays, self._checksums = arrays, dict(checksums)

    def __contains__(self, name: str) -> bool:
        return name in self._arrays

    def array(self, name: str) -> Array:
        """Return an array, read through at the first call; raises `DamagedError` where it is not as it was written."""
        found = self._arrays[name]
        checksum = self._checksums.pop(name, None)
        if checksum is not None and _checksum(found) != checksum:
            raise DamagedError(name)
        return found


class Folder:
    """A bounded folder of entries; what goes wrong with it costs making things again, and is said once."""

    def __init__(self, path: Path, most_bytes: Callable[[int], int]) -> None:
        """Name the folder, which is made when something is put into it.

        Args:
            path: the folder.
            most_bytes: what all entries may take together, from what they take now.
        """
        self.path, self._most_bytes = path, most_bytes
        self.tell: Callable[[str], object] = logging.getLogger("rsc_bench").warning
        """Takes a line while something takes long."""
        self._trouble: str | None = None
        self._closed = False

    @property
    def trouble(self) -> str | None:
        """Why something was not kept in it, or cannot be by another process; None where all is well."""
        reason = None if self._trouble else caches.refusal(self.path)
        return self._trouble if reason is None else self._unwritable(reason)

    def turn(self, key: Key) -> contextlib.AbstractContextManager[None]:
        """Let one process at a time make what has a key; nobody waits where it would not be kept. Look for it again inside."""
        if self._closed or not self._keeps():
            return contextlib.nullcontext()
        with contextlib.suppress(OSError):
            self.path.mkdir(parents=True, exist_ok=True)
        return turns.turn(self.path / f".lock-{key.folder}", key.name, Waiting(self.tell))

    def _keeps(self) -> bool:
        with contextlib.suppress(OSError, ValueError):  # of which `put` tells
            return self._most_bytes(0) > 0
        return False

    def find(self, key: Key) -> Found | None:
        """Return the entry of a key; None where there is none, and where it is damaged, which removes it."""
        place = self.path / key.folder
        try:
            found = _opened(place)
        except FileNotFoundError:
            if place.is_dir():
                self.drop(key)  # it lacks a part
            return None
        except (OSError, ValueError, LookupError, TypeError, AttributeError, EOFError):
            self.drop(key)
            return None
        with contextlib.suppress(OSError):  # somebody else's folder may be read all the same
            os.utime(place / HEAD)
        return found

    def put(self, key: Key, entry: Entry) -> None:
        """Keep an entry, unless it is there already; others go where there is no room."""
        if self._closed:
            return
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            if self._make_room(key, sum(array.nbytes for array in entry.arrays.values())):
                self._write(key, entry)
        except (OSError, ValueError) as error:
            self._closed = True  # trying again with each graph would cost its time, and say nothing new
            reason = getattr(error, "strerror", None) or str(error)
            self._say(self._unwritable(reason))

    def drop(self, key: Key) -> None:
        """Remove the entry of a key."""
        _remove(self.path / key.folder)

    def _write(self, key: Key, entry: Entry) -> None:
        draft = Path(tempfile.mkdtemp(dir=self.path, prefix=".draft-"))
        try:
            sums = {}
            for name, array in entry.arrays.items():
                np.save(draft / f"{name}.npy", array, allow_pickle=False)
                sums[name] = _checksum(array)
            head = {"layout": LAYOUT, "name": key.name, "depends": key.depends, "facts": entry.facts, "arrays": sums}
            (draft / HEAD).write_text(json.dumps(head, indent=1), encoding="ascii")
            draft.rename(self.path / key.folder)
        except OSError:
            if not (self.path / key.folder / HEAD).exists():
                raise
            # Another process was first: its entry is the same.
        finally:
            shutil.rmtree(draft, ignore_errors=True)

    def _make_room(self, key: Key, needed: int) -> bool:
        """Remove the entries that were used longest ago; return whether there is room then."""
        entries = self._entries()
        taken = sum(size for _, _, size in entries)
        most = self._most_bytes(taken)
        if most == 0:
            return False  # as the user wants it
        if needed > most:
            what = f"{key.name} is not kept: it takes {needed / 1e9:.3g} GB, and {self.path} may hold {most / 1e9:.3g} GB"
            self._say(f"{what}: set RSC_BENCH_CACHE_GB to more, or use --no-cache")
            return False
        for _, place, size in sorted(entries):
            if taken + needed <= most:
                break
            _remove(place)
            taken -= size
        return True

    def _entries(self) -> list[tuple[float, Path, int]]:
        """When each entry was used last, its folder and its size; what a killed process left is removed."""
        found = []
        for place in self.path.iterdir():
            head = place / HEAD
            with contextlib.suppress(OSError):
                if place.name.startswith("."):
                    if time.time() - place.stat().st_mtime > LEFT_OVER_S:
                        shutil.rmtree(place, ignore_errors=True)
                elif place.is_dir():
                    found.append((head.stat().st_mtime, place, sum(part.stat().st_size for part in place.iterdir())))
        return found

    def _unwritable(self, reason: str) -> str:
        return f"graphs are not kept in {self.path} ({reason}): set {caches.PLACE} to a folder that can be written"

    def _say(self, trouble: str) -> None:
        if self._trouble is None:
            self._trouble = trouble
            logging.getLogger("rsc_bench").warning(trouble)


def _opened(place: Path) -> Found:
    head = json.loads((place / HEAD).read_bytes())
    if head["layout"] != LAYOUT:
        raise ValueError(head["layout"])
    # Mapped now: an entry may be removed by another process at any time, and what is mapped stays.
    arrays = {name: np.load(place / f"{name}.npy", mmap_mode="c", allow_pickle=False) for name in head["arrays"]}
    return Found(head["facts"], arrays, head["arrays"])


def _checksum(array: Array) -> int:
    return zlib.crc32(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)


def _remove(place: Path) -> None:
    """Remove a folder in one step, so that no process finds half of it."""
    gone = place.with_name(f".gone-{os.urandom(6).hex()}")
    with contextlib.suppress(OSError):
        place.rename(gone)
    shutil.rmtree(gone, ignore_errors=True)
