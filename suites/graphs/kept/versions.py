"""What kept things depend on beside their name: the code and the packages that made them, and the contents of files."""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Callable
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from rsc_bench import kernels
from rsc_bench.files import write_whole

PACKAGES = ("numpy", "scipy", "torch", "pandas", "ogb", "scikit-network")
"""What graphs are made with: another version may draw other numbers, or read a file in another way."""
LARGE_BYTES = 8 << 20
"""Files from this size on are not read through again where nothing about them has changed."""
SETTLED_S = 2.0
"""Only a file that was left alone for as long is known by its times: two changes within one tick of the clock look like one."""
MOST_FILES = 1000
"""Files whose digests are remembered."""

_OURS = Path(__file__).resolve().parents[1]


@cache
def of_code(function: Callable[..., Any] | None = None) -> str:
    """Return a digest of the code that makes graphs here and, where it is somebody else's, of the file that `function` is in."""
    own = [*sorted(_OURS.rglob("*.py")), Path(str(kernels.__file__)).with_name("csr.py")]
    module = sys.modules.get(getattr(function, "__module__", None) or "")
    other = getattr(module, "__file__", None)
    digest = hashlib.blake2b(digest_size=12)
    for path in [*own, *([Path(other)] if other else [])]:
        digest.update(path.read_bytes())
    return digest.hexdigest()


@cache
def of_packages() -> dict[str, str | None]:
    """Return the version of each of `PACKAGES`; None where it is not installed."""
    return {name: _version(name) for name in PACKAGES}


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


class Digests:
    """Digests of files; those of large ones are remembered, and taken anew when anything about the file changes."""

    def __init__(self, memory: Path) -> None:
        """Name the file that remembers."""
        self._memory = memory

    def of(self, path: Path) -> str:
        """Return the digest of what is in a file; raises `OSError` where it cannot be read."""
        found = path.stat()
        if found.st_size < LARGE_BYTES:
            return _digest(path)
        # Contents cannot be written without a new ctime, whatever is done to mtime.
        now = [found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino]
        name, kept = str(path.resolve()), self._kept()
        if isinstance(known := kept.get(name), list) and known[:-1] == now:
            return str(known[-1])
        settled = time.time() - found.st_ctime > SETTLED_S
        digest = _digest(path)
        if settled:
            self._remember(kept, name, [*now, digest])
        return digest

    def _kept(self) -> dict[str, Any]:
        try:
            found = json.loads(self._memory.read_bytes())
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def _remember(self, kept: dict[str, Any], name: str, known: list[Any]) -> None:
        latest = {other: of for other, of in kept.items() if other != name} | {name: known}
        text = json.dumps(dict(list(latest.items())[-MOST_FILES:]), indent=1)
        try:
            write_whole(self._memory, text)
        except OSError:  # it is read through again the next time
            return


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
