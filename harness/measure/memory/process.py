"""Reads how much memory this process has, and how much one call takes at its highest (Linux only)."""

from __future__ import annotations

import gc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from rsc_bench import allocator

T = TypeVar("T")

RESET_PEAK = "5"  # proc(5): sets the peak resident set size to the current one
_SMALLEST_MAPPED_BYTES = 64 << 10


@dataclass(frozen=True)
class ProcFiles:
    """Where Linux reports the memory of this process (proc(5))."""

    status: Path = Path("/proc/self/status")
    """Has the resident set, and its peak."""
    clear_refs: Path = Path("/proc/self/clear_refs")
    """Resets the peak where `RESET_PEAK` is written to it."""


PROC = ProcFiles()


def resident(files: ProcFiles = PROC) -> int | None:
    """Return the bytes of memory that this process has now; None where the machine does not report it.

    What the process has freed is given back first: how much of that is kept is chance, and the next block may fit into it.
    """
    allocator.trim()
    return _status("VmRSS", files)


def page_faults() -> int:
    """Return how many page faults this process has had: one for each page of new memory that it wrote to."""
    import resource  # Windows has none

    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt


def peak_of(call: Callable[[], T], files: ProcFiles = PROC) -> tuple[T, int | None]:
    """Return the result of `call` and the highest resident bytes while it ran, above those it started with.

    None where the peak cannot be reset: no Linux, or no permission (some containers). Memory of other threads counts too.
    """
    before = _reset_peak(files)
    result = call()
    peak = None if before is None else _status("VmHWM", files)
    return result, None if peak is None or before is None else max(0, peak - before)


def peak_of_used(call: Callable[[], T], files: ProcFiles = PROC, warm: bool = False) -> tuple[T, int | None]:
    """Return the same of the memory that is in use, whatever the allocator has kept from before; for what is not timed.

    With `warm` it is called once before: what OpenMP starts for a thread, a stack for each core, is no memory of the call.

    Every block of 64 KiB or more goes back to the system when it is freed, so that resident memory is what is in use. The
    call runs in a thread of its own, with its own part of the heap (malloc(3): an arena): in this one the allocator would give out
    what earlier calls freed, in pieces that fit or do not, and the peak of one and the same training was seen to lie anywhere
    within 14 %.
    """
    # Not a thread that stays: OpenMP keeps workers for each, and with more of them than cores has all of them sleep at once.
    with allocator.mapped_from(_SMALLEST_MAPPED_BYTES), ThreadPoolExecutor(max_workers=1) as thread:
        if warm:
            thread.submit(call).result()
        return thread.submit(peak_of, call, files).result()


def peak_of_rehearsal(call: Callable[[], object]) -> int | None:
    """Return the highest bytes in use while `call` runs, above those it started with, see `peak_of_used`."""
    return peak_of_used(call)[1]


def _reset_peak(files: ProcFiles) -> int | None:
    """Set the peak to what is resident now, and return that."""
    # Freed blocks that the allocator keeps would be used again by the call without growing the process: give them back first.
    gc.collect()
    allocator.trim()
    try:
        files.clear_refs.write_text(RESET_PEAK)
    except OSError:
        return None
    return _status("VmRSS", files)


def _status(field: str, files: ProcFiles) -> int | None:
    try:
        lines = files.status.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{field}:")), None)
