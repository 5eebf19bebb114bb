"""Sorts small integers by counting, on a CPU: some ten times as fast as comparing them."""

from __future__ import annotations

import numba
import numpy as np


@numba.njit([numba.int64[::1](keys, numba.int64) for keys in (numba.int64[::1], numba.int32[::1])], cache=True)
def order(keys, count):  # type: ignore[no-untyped-def]
    """Return the stable order (keys,), int64, that sorts `keys`; empty where one does not lie in [0, count)."""
    places = np.zeros(count + 1, np.int64)
    for key in keys:
        if key < 0 or key >= count:
            return np.empty(0, np.int64)
        places[key + 1] += 1
    for key in range(count):
        places[key + 1] += places[key]
    found = np.empty(len(keys), np.int64)
    for at in range(len(keys)):
        found[places[keys[at]]] = at
        places[keys[at]] += 1
    return found
