"""Makes Numba's threads the ones that torch has, so that two pools do not spin for the same cores."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path


class OpenMp:
    """The OpenMP runtime of one process, which torch has loaded."""

    def __init__(self, maps: Path = Path("/proc/self/maps")) -> None:
        """Look at nothing yet; `maps` is the file in which Linux lists the libraries of the process."""
        self._maps = maps
        self._shared = False

    def share(self) -> None:
        """Have Numba's OpenMP layer find torch's runtime first; before the first parallel function is compiled.

        torch brings an OpenMP of its own, Numba loads the system's. With both, the workers of one spin for a while after their
        work is done, on the cores that the other's need: the products between a layer's dense operations took 20 % longer, and
        twice as long now and then (docs/how-it-works/cpu-kernels.md). torch keeps its number of threads, and Numba gets the same
        unless ``NUMBA_NUM_THREADS`` says another. Elsewhere than on Linux nothing changes.
        """
        runtime = None if self._shared else self.runtime()
        if runtime is not None:
            _start_numba(ctypes.CDLL(runtime, mode=ctypes.RTLD_GLOBAL))
        self._shared = True

    def runtime(self) -> str | None:
        """Return the path of the OpenMP that torch has loaded; None where that is not known."""
        try:
            mapped = self._maps.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return None
        paths = (line.split(maxsplit=5)[-1] for line in mapped if "gomp" in line)
        return next((path for path in paths if "torch" in path), None)


def _start_numba(runtime: ctypes.CDLL) -> None:
    """Have Numba start its threads now: it sets the number of the runtime to that of the cores, which is put back."""
    try:
        import numba
    except ModuleNotFoundError:
        return

    threads = runtime.omp_get_max_threads()
    most = numba.get_num_threads()
    runtime.omp_set_num_threads(threads)
    if "NUMBA_NUM_THREADS" not in os.environ:
        numba.set_num_threads(min(threads, most))


OPENMP = OpenMp()
"""That of this process."""
