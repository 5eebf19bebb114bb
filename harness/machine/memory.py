"""Reads the size of main memory and what of it is free, from psutil, or from Linux itself where psutil is not installed."""

from __future__ import annotations

import re
from pathlib import Path

MEMINFO = Path("/proc/meminfo")
"""Where Linux reports main memory (proc(5))."""


def total_bytes(meminfo: Path = MEMINFO) -> int | None:
    """Return the bytes of main memory of the machine; None without psutil outside Linux."""
    return _read("total", "MemTotal", meminfo)


def free_bytes(meminfo: Path = MEMINFO) -> int | None:
    """Return the bytes that could be had without swapping; None without psutil outside Linux."""
    return _read("available", "MemAvailable", meminfo)


def _read(of_psutil: str, of_linux: str, meminfo: Path) -> int | None:
    try:
        import psutil
    except ModuleNotFoundError:
        return _from_linux(of_linux, meminfo)
    return int(getattr(psutil.virtual_memory(), of_psutil))


def _from_linux(field: str, meminfo: Path) -> int | None:
    """Return a field of proc(5)'s meminfo, which counts in units of 1,024 bytes."""
    try:
        found = re.search(rf"^{field}:\s*(\d+) kB$", meminfo.read_text(encoding="ascii"), re.MULTILINE)
    except OSError:
        return None
    return int(found.group(1)) * 1024 if found else None
