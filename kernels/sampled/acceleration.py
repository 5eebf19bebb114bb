"""Finds the Numba version of a step where Numba is installed; every step also has one in plain torch."""

from __future__ import annotations

import importlib
from typing import Any


def with_numba(module: str) -> Any | None:
    """Return a module of this folder, or None where Numba is absent. Any other failed import is a bug, and raised."""
    try:
        return importlib.import_module(f"kernels.sampled.{module}")
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("numba", "llvmlite"):
            raise
        return None
