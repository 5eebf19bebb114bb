"""Finds the Numba or Triton version of a step where it can run; every step also has one in plain torch."""

from __future__ import annotations

import importlib
import os
from typing import Any

import torch

from rsc_bench.kernels import openmp


def with_numba(module: str) -> Any | None:
    """Return a module of this folder, or None where Numba is absent."""
    openmp.share()
    return _imported(module, "numba", "llvmlite")


def with_triton(module: str, device: torch.device) -> Any | None:
    """Return a module of this folder whose kernels run on `device`, or None where they do not, or Triton is absent.

    They run on a CUDA device, and on a CPU where Triton interprets them (``TRITON_INTERPRET=1``).
    """
    if device.type == "cuda" or os.environ.get("TRITON_INTERPRET") == "1":
        return _imported(module, "triton")
    return None


def _imported(module: str, *optional: str) -> Any | None:
    """Return a module of this folder, or None where what it needs is absent. Any other failed import is a bug, and raised."""
    try:
        return importlib.import_module(f"rsc_bench.kernels.sampled.{module}")
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in optional:
            raise
        return None
