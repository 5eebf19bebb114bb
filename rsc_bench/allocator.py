"""The allocator that this process has, and whether it keeps the memory that is freed or gives it back to the system."""

from __future__ import annotations

import ctypes
import mmap
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

LARGEST_KEPT_BYTES = 32 << 20
"""mallopt(3): what glibc's own threshold grows to in a process that frees large blocks. Above it all blocks are mapped."""
HUGE_PAGES = Path("/sys/kernel/mm/transparent_hugepage/enabled")
_M_TRIM_THRESHOLD = -1  # mallopt(3): so many free bytes at the heap's end are kept; -1: any number
_M_MMAP_THRESHOLD = -3  # mallopt(3): blocks of at least so many bytes are mapped, and unmapped when they are freed
_M_MMAP_MAX = -4  # mallopt(3): so many blocks may be mapped at a time
_M_PERTURB = -6  # mallopt(3): what is handed out is filled with it
_USUAL_MAPPED = 65_536  # mallopt(3)
_REMEDIES = {"jemalloc": "MALLOC_CONF=dirty_decay_ms:-1 in its environment makes jemalloc keep what is freed"}
"""What to do where an allocator does not keep what is freed, as jemalloc as it comes does not with blocks of 8 MiB or more."""
_NAMES = ("jemalloc", "tcmalloc", "mimalloc", "tbbmalloc", "musl")
_PROBED_BYTES = 64 << 20
_FEW_FAULTS = 8
"""Page faults of other causes: a block that is new has two for each 4 MiB with the largest pages, 16 in all."""


@dataclass(frozen=True)
class Allocator:
    """What answers ``malloc`` in this process."""

    name: str
    """``glibc``, ``musl``, ``jemalloc``, ``tcmalloc``, ``mimalloc``, ``tbbmalloc``; ``unknown`` for any other."""
    file: str | None
    """The file that it is in; None outside Linux."""
    version: str | None = None
    """Of glibc; None of others."""

    def __str__(self) -> str:
        named = f"{self.name} {self.version}" if self.version else self.name
        return named if self.name == "glibc" or self.file is None else f"{named} ({self.file})"


def allocator() -> Allocator:
    """Return what answers ``malloc``: the C library, or what was loaded in its place (``LD_PRELOAD``)."""
    version = _function("gnu_get_libc_version")  # glibc alone has it
    if version is not None:
        version.restype = ctypes.c_char_p
    return named(_file_of("posix_memalign"), version().decode() if version is not None else None)


def named(file: str | None, glibc: str | None) -> Allocator:
    """Return the allocator in a file, by the file's name; `glibc` is the version of the C library where it is that."""
    name = "" if file is None else Path(file).name
    if glibc is not None and name.startswith("libc.so"):
        return Allocator("glibc", file, glibc)
    return Allocator(next((known for known in _NAMES if known in name), "unknown"), file)


def why_not() -> str | None:
    """Return why `keep_memory` can do nothing in this process, with what helps instead; None where it works."""
    found = allocator()
    return None if found.name == "glibc" else refusal(found, keeps_freed())


def refusal(found: Allocator, kept: bool | None) -> str:
    """Return what `keep_memory` answers with an allocator other than glibc's, of which `kept` says whether it keeps by itself."""
    if kept:
        return f"{found} is in the place of glibc's allocator and keeps what is freed already: nothing to do"
    if found.file is None:
        return f"memory can be kept where glibc allocates it, on Linux (this is {sys.platform}): nothing was changed"
    return f"memory can be kept where glibc allocates it (this process has {found}): nothing was changed; {remedy(found)}"


def remedy(found: Allocator) -> str:
    """Return what to do about an allocator that does not keep what is freed."""
    if found.name == "glibc":
        return "rsc_bench.keep_memory() makes a process keep them"
    return _REMEDIES.get(found.name, "a program that has glibc's allocator instead can call rsc_bench.keep_memory()")


def keep_memory(keep: bool = True) -> str | None:
    """Keep the main memory of freed tensors for the next ones, in the whole process, until it ends or ``keep_memory(False)``.

    glibc maps each block above a threshold of at most 32 MB anew, and gives it back to the system when it is freed. So each
    operation of a training on a large graph gets memory whose pages the system first has to find and to fill with zeros, one page
    fault for 4 KiB, which takes longer than many an operation itself. Kept memory is faulted in once. It costs memory: the process
    stays as large as it was at its largest, and blocks of different sizes leave gaps between them.

    Call it before training, from the main thread. It works for that thread alone, which is where PyTorch makes tensors, on a CPU
    also those of the backward pass; large blocks of other threads go back to the system as before. Child processes that are
    forked later inherit it. It changes nothing for tensors on a GPU.

    ``keep_memory(False)`` gives all that is free back to the system, and the next large blocks too when they are freed. One thing
    cannot be taken back: glibc no longer adapts its threshold, which stays at the 32 MB that it grows to at most. Thresholds that
    the environment has set (``MALLOC_MMAP_THRESHOLD_``, ``GLIBC_TUNABLES``) are replaced by both calls.

    Args:
        keep: whether to keep what is freed, or to give it back again.

    Returns:
        None where it was done. Else nothing was changed, and it is the reason: another C library, or another allocator in its
        place (jemalloc, tcmalloc), with what to do there. Where such a process asks to keep memory, a warning says the same.

    Raises:
        TypeError: for a `keep` that is no bool.
    """
    if not isinstance(keep, bool):
        raise TypeError(f"keep must be True or False (got {keep!r})")
    reason = why_not()
    if reason is not None:
        if keep and not keeps_freed():
            warnings.warn(reason, stacklevel=2)
        return reason
    _SET.kept = keep
    _settle()
    if not keep:
        trim()
    return None


def is_kept() -> bool:
    """Return whether `keep_memory` is in effect."""
    return _SET.kept


def keeps_freed() -> bool | None:
    """Return whether a block of 64 MiB that is freed is there for the next one, by trying; None where that cannot be seen.

    It takes about 0.1 s, and counts page faults (Linux only). The answer is that of the calling thread.
    """
    if sys.platform != "linux":
        return None
    faults = [_faults_of_a_block() for _ in range(3)]
    later = [count for count in faults[1:] if count is not None]
    return min(later) <= _FEW_FAULTS if later else None


def trim() -> None:
    """Give back to the system what is free, as far as the C library can, and what others keep that have told `also_trims`."""
    for other in _SET.others:
        other()
    give_back = _function("malloc_trim")
    if give_back is not None:
        give_back(ctypes.c_size_t(0))


def also_trims(other: Callable[[], None]) -> None:
    """Have `trim` call `other` as well: it gives back what something else in this process keeps of freed memory."""
    _SET.others.append(other)


def huge_pages(enabled: Path = HUGE_PAGES) -> bool:
    """Return whether this process gets pages of 2 MiB where it asks for them (madvise(2)); `enabled` is where Linux says so."""
    try:
        return hasattr(mmap, "MADV_HUGEPAGE") and "[never]" not in enabled.read_text(encoding="ascii", errors="replace")
    except OSError:
        return False


@contextmanager
def mapped_from(smallest_bytes: int) -> Iterator[None]:
    """Meanwhile give every block of so many bytes or more back when it is freed; afterwards `keep_memory` counts again."""
    _set(mapped=_USUAL_MAPPED, threshold=smallest_bytes)
    try:
        yield
    finally:
        _settle()


@contextmanager
def filled(byte: int) -> Iterator[None]:
    """Meanwhile fill what is handed out with the complement of `byte`, so that memory that nobody wrote is seen."""
    _option(_M_PERTURB, byte)
    _SET.filling = byte ^ 0xFF
    try:
        yield
    finally:
        _option(_M_PERTURB, 0)
        _SET.filling = None


def filling() -> int | None:
    """Return the byte that memory is filled with now, which who hands out other memory than the C library's does too; or None."""
    return _SET.filling


@dataclass
class _Setting:
    """What was asked for last: the C library does not tell."""

    kept: bool = False
    filling: int | None = None
    others: list[Callable[[], None]] = field(default_factory=list)


_SET = _Setting()


def _settle() -> None:
    if _SET.kept:
        # Not a higher threshold: it can be no more than 2 GiB, and in older versions no more than 32 MB.
        _option(_M_MMAP_MAX, 0)
        _option(_M_TRIM_THRESHOLD, -1)
    else:
        _set(mapped=_USUAL_MAPPED, threshold=LARGEST_KEPT_BYTES)


def _set(mapped: int, threshold: int) -> None:
    _option(_M_MMAP_MAX, mapped)
    _option(_M_MMAP_THRESHOLD, threshold)
    # As glibc's own rule has it, which ends where a threshold is set: or each step would give its memory back and fault it in.
    _option(_M_TRIM_THRESHOLD, 2 * threshold)


def _option(name: int, value: int) -> None:
    option = _function("mallopt")
    if option is not None:
        option(name, value)


def _function(name: str) -> Any:
    """A function of the C library; None where it has none of that name, as musl."""
    return getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None


class _Place(ctypes.Structure):
    """Where an address is (dladdr(3))."""

    _fields_ = (
        ("file", ctypes.c_char_p),
        ("base", ctypes.c_void_p),
        ("symbol", ctypes.c_char_p),
        ("address", ctypes.c_void_p),
    )


def _file_of(function: str) -> str | None:
    """The file whose function of this name is called in this process, of all that have one; None outside Linux."""
    if sys.platform != "linux":
        return None
    library, place = ctypes.CDLL(None), _Place()
    address = ctypes.cast(getattr(library, function), ctypes.c_void_p)
    if not library.dladdr(address, ctypes.byref(place)) or place.file is None:
        return None
    return str(place.file.decode(errors="replace"))


def _faults_of_a_block() -> int | None:
    """Page faults of writing to a block that is then freed; None where there is no room for one."""
    import resource

    library = ctypes.CDLL(None)
    library.malloc.restype = ctypes.c_void_p
    block = ctypes.c_void_p(library.malloc(ctypes.c_size_t(_PROBED_BYTES)))
    if not block:
        return None
    before = resource.getrusage(resource.RUSAGE_THREAD).ru_minflt
    ctypes.memset(block, 1, _PROBED_BYTES)
    faults = resource.getrusage(resource.RUSAGE_THREAD).ru_minflt - before
    library.free(block)
    return faults
