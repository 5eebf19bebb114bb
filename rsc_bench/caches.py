"""Where this program keeps what it can make again, tracebacks, and compiled code where a compiler finds no place: in one folder."""

from __future__ import annotations

import os
import shutil
import stat
import sys
import tempfile
from functools import cache
from pathlib import Path

PLACE = "RSC_BENCH_CACHE"
"""Environment variable: the folder of all that is kept."""
SIZE = "RSC_BENCH_CACHE_GB"
"""Environment variable: what the graphs in it may take together, in GB; 0: nothing is kept."""
USUAL_GB, USUAL_SHARE = 10, 0.1
"""What they may take where it is not said: this many GB, and no more than this share of the disk that is free but for them."""


def folder() -> Path:
    """Return the folder: ``$RSC_BENCH_CACHE``, else ``rsc-bench`` under ``$XDG_CACHE_HOME``, else under ``~/.cache``."""
    named = os.environ.get(PLACE)
    return Path(named).absolute() if named else _home() / "rsc-bench"


def own() -> Path:
    """Return our folder, else one for this user among the temporary files; raises `OSError` where there is none of either."""
    return folder() if refusal(folder()) is None else private()


def graphs() -> Path:
    """Return the folder of graphs, and of what is made of them."""
    return folder() / "graphs"


def most_bytes(taken: int) -> int:
    """Return what graphs may take together, from what they take now; raises ValueError where the variable is no number."""
    text = os.environ.get(SIZE)
    if not text:
        free = shutil.disk_usage(_there(graphs())).free
        return int(min(USUAL_GB * 1e9, USUAL_SHARE * (free + taken)))
    try:
        size = float(text)
    except ValueError:
        size = -1.0
    if not 0 <= size < 1e9:
        raise ValueError(f"{SIZE} must be a number of gigabytes, 0 for no cache (got {text!r}): write for example 20")
    return int(size * 1e9)


def taken_bytes(place: Path) -> int:
    """Return the size of the files below a folder; what vanishes while it is looked at counts nothing."""
    total = 0
    for at, _, names in os.walk(place):
        for name in names:
            try:
                total += os.lstat(os.path.join(at, name)).st_size  # noqa: PTH118  (called for each file of the cache)
            except OSError:
                continue
    return total


def refusal(place: Path) -> str | None:
    """Return why files cannot be written below a folder, which need not be there yet; None where they can."""
    at = _there(place)
    try:
        with tempfile.TemporaryFile(dir=at):
            return None
    except OSError as error:
        return f"{at}: {error.strerror or error}"


def keep_compiled(package: Path) -> None:
    """Name a folder of ours to Numba and Triton where they find none to write to, as from a read-only checkout without a home.

    Numba raises an error there instead of compiling without keeping. What it keeps is run when it is read again, so the folder must
    be closed to others.
    """
    if all(refusal(place) for place in _numba_places(package)):
        os.environ["NUMBA_CACHE_DIR"] = str(own() / "numba")
        if "numba" in sys.modules:
            sys.modules["numba"].config.reload_config()
    if refusal(_triton_place()):
        os.environ["TRITON_CACHE_DIR"] = str(own() / "triton")


def _numba_places(package: Path) -> list[Path]:
    """Where Numba looks for a place, in order: as it is told, beside the source, in the user's cache."""
    named = os.environ.get("NUMBA_CACHE_DIR")
    return [*([Path(named)] if named else []), package / "__pycache__", _home() / "numba"]


def _triton_place() -> Path:
    named = os.environ.get("TRITON_CACHE_DIR")
    return Path(named) if named else Path(os.environ.get("TRITON_HOME") or _user()) / ".triton" / "cache"


def _home() -> Path:
    """The user's folder of caches."""
    named = os.environ.get("XDG_CACHE_HOME")
    return Path(named) if named else _user() / ".cache"


def _user() -> Path:
    try:
        return Path.home()
    except RuntimeError:  # a user without an entry in the system's list, and without HOME
        return private()


@cache
def private() -> Path:
    """Return a folder among the temporary files that is this user's alone: its name can be guessed, so its owner is checked."""
    place = Path(tempfile.gettempdir(), f"rsc-bench-{os.getuid()}")
    try:
        place.mkdir(mode=0o700, exist_ok=True)
        found = place.lstat()
        if stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077:
            return place
    except OSError:
        pass
    return Path(tempfile.mkdtemp(prefix="rsc-bench-"))


def _there(place: Path) -> Path:
    """The folder itself, or the nearest above it that is there."""
    return next((at for at in (place, *place.absolute().parents) if at.exists()), Path(os.sep))
