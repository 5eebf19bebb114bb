"""Makes Numba's threads the ones that torch has, so that two pools do not spin for the same cores."""

from __future__ import annotations

import ctypes
import functools
from pathlib import Path

_LIBRARIES = Path("/proc/self/maps")


@functools.cache
def share() -> None:
    """Have Numba's OpenMP layer find torch's runtime first; before the first parallel function is compiled.

    torch brings an OpenMP of its own, Numba loads the system's. With both, the workers of one spin for a while after their
    work is done, on the cores that the other's need: the products between a layer's dense operations took 20 % longer, and
    twice as long now and then (docs/decisions/one-openmp.md). Elsewhere than on Linux nothing changes.
    """
    runtime = _torch_runtime()
    if runtime is not None:
        ctypes.CDLL(runtime, mode=ctypes.RTLD_GLOBAL)


def _torch_runtime() -> str | None:
    """Return the path of the OpenMP that torch has loaded; None where that is not known."""
    try:
        mapped = _LIBRARIES.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    paths = (line.split(maxsplit=5)[-1] for line in mapped if "gomp" in line)
    return next((path for path in paths if "torch" in path), None)
