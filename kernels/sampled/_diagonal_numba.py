"""Adds a diagonal to a CSR matrix on a CPU: one pass over its entries, in the threads that compact and multiply."""

from __future__ import annotations

import numba
import numpy as np
import torch

from kernels.csr import Csr

_NONE = np.empty(0, np.float32)


def add(matrix: Csr, diagonal: torch.Tensor) -> Csr:
    """Return ``matrix + diag(diagonal)``; rows where `diagonal` (rows,), float32, is 0 get no entry."""
    value = _NONE if matrix.value is None else matrix.value.float().numpy()
    rowptr, col, weight = _add(matrix.rowptr.long().numpy(), matrix.col.numpy(), value, diagonal.numpy())
    index = matrix.rowptr.dtype
    return Csr(torch.from_numpy(rowptr).to(index), torch.from_numpy(col), torch.from_numpy(weight), matrix.shape, matrix.name)


@numba.njit(parallel=True, cache=True)
def _add(rowptr, col, value, diagonal):  # type: ignore[no-untyped-def]
    starts = np.empty(len(rowptr), np.int64)
    starts[0] = 0
    for row in range(len(diagonal)):
        starts[row + 1] = starts[row] + rowptr[row + 1] - rowptr[row] + (diagonal[row] != 0)
    columns = np.empty(starts[-1], np.int32)
    weights = np.empty(starts[-1], np.float32)
    for row in numba.prange(len(diagonal)):
        place, due = starts[row], diagonal[row] != 0
        for at in range(rowptr[row], rowptr[row + 1]):
            if due and col[at] > row:
                columns[place], weights[place] = row, diagonal[row]
                place += 1
                due = False
            columns[place] = col[at]
            weights[place] = value[at] if len(value) else np.float32(1)
            place += 1
        if due:
            columns[place], weights[place] = row, diagonal[row]
    return starts, columns, weights
