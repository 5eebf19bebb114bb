"""Finds what a CUDA call that failed leaves behind: memory to give back, or a process that can compute no more."""

from __future__ import annotations

import re
import sys
from typing import Any

from rsc_bench.text import first_line

_REPORT = re.compile(r"Tried to allocate ([\d.]+ \w+).*?capacity of ([\d.]+ \w+) of which ([\d.]+ \w+) is free", re.DOTALL)


def out_of_memory(error: BaseException) -> str | None:
    """Return torch's report that a GPU has too little memory, with the bytes needed and free; None for any other error."""
    if type(error).__name__ != "OutOfMemoryError":  # by name: a file is read without torch
        return None
    found = _REPORT.search(str(error))
    if found is None:
        return f"GPU memory does not suffice: {str(error).partition('. ')[0]}"
    needed, whole, free = found.groups()
    return f"GPU memory does not suffice: {needed} more needed, {free} of {whole} free"


def fault(device: str, torch: Any = None) -> str | None:
    """Return the error that a GPU keeps answering since a call failed, or None where it works; then spare memory is given back.

    A kernel that touches memory which is not its own, or stops by an assertion, ends the CUDA context of the process: every later
    call fails, of whatever case, and only a new process has a working GPU.

    Args:
        device: ``cpu``, ``cuda:0``.
        torch: the module of that name; None: the one that is loaded, if one is.
    """
    torch = torch or sys.modules.get("torch")
    if not device.startswith("cuda") or torch is None or not torch.cuda.is_initialized():
        return None
    try:
        torch.cuda.synchronize(device)
        torch.cuda.empty_cache()
    except RuntimeError as error:
        return first_line(error) or type(error).__name__
    return None
