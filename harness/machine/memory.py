"""Reads the main memory of the machine; psutil knows it everywhere, a Linux machine that only measures tells it without."""

from __future__ import annotations

import re
from pathlib import Path

MEMINFO = Path("/proc/meminfo")


def total_bytes() -> int | None:
    """Return the bytes of main memory of the machine; None without psutil outside Linux."""
    return _read("total", "MemTotal")


def free_bytes() -> int | None:
    """Return the bytes that could be had without swapping; None without psutil outside Linux."""
    return _read("available", "MemAvailable")


def _read(of_psutil: str, of_linux: str) -> int | None:
    try:
        import psutil
    except ModuleNotFoundError:
        return _meminfo(of_linux)
    return int(getattr(psutil.virtual_memory(), of_psutil))


def _meminfo(field: str) -> int | None:
    """Return a field of proc(5)'s meminfo, which counts in units of 1,024 bytes."""
    try:
        found = re.search(rf"^{field}:\s*(\d+) kB$", MEMINFO.read_text(encoding="ascii"), re.MULTILINE)
    except OSError:
        return None
    return int(found.group(1)) * 1024 if found else None
