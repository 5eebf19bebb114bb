"""Looks on a CPU which rows of a dense operand are not all zero, in the threads that multiply next."""

from __future__ import annotations

import numba
import numpy as np
import torch


def rows_that_count(dense: torch.Tensor) -> torch.Tensor:
    """Return (rows,), bool: False where a row has nothing but zeros. A row that counts is read up to its first other number."""
    return torch.from_numpy(_rows(dense.detach().numpy()))


@numba.njit([numba.bool_[::1](numba.float32[:, ::1]), numba.bool_[::1](numba.float64[:, ::1])], parallel=True, cache=True)
def _rows(dense):  # type: ignore[no-untyped-def]
    found = np.empty(len(dense), np.bool_)
    for row in numba.prange(len(dense)):
        counts = False
        for feature in range(dense.shape[1]):
            if dense[row, feature] != 0:  # so is NaN
                counts = True
                break
        found[row] = counts
    return found
