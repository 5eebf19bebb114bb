"""Finds the Numba or Triton version of a step where it can run; every step also has one in plain torch."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from typing import Any

import torch

from rsc_bench.kernels.openmp import OPENMP

Import = Callable[[str], Any]
"""Dotted name -> module."""


def with_numba(module: str) -> Any | None:
    """Return a module, or None where an optional package that it needs is absent; raise any other failed import."""
    OPENMP.share()
    return _imported(module, ("numba", "llvmlite"), importlib.import_module)


def with_triton(module: str, device: torch.device, import_module: Import = importlib.import_module) -> Any | None:
    """Return a module of the kernels that runs on `device`, or None where it does not, or Triton is absent.

    They run on a CUDA device, and on a CPU where Triton interprets them (``TRITON_INTERPRET=1``).
    """
    if device.type == "cuda" or os.environ.get("TRITON_INTERPRET") == "1":
        return _imported(module, ("triton",), import_module)
    return None


def _imported(module: str, optional: tuple[str, ...], import_module: Import) -> Any | None:
    """Return a module, or None where an optional package that it needs is absent; raise any other failed import."""
    try:
        return import_module(f"rsc_bench.kernels.{module}")
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in optional:
            raise
        return None
