"""Looks on a CPU which rows of a dense operand are not all zero, in the threads that multiply next."""

from __future__ import annotations

import numba
import numpy as np
import torch

_BITS = {2: torch.int16, 4: torch.int32, 8: torch.int64}
_ROWS = [numba.bool_[::1](bits[:, ::1], bits) for bits in (numba.int16, numba.int32, numba.int64)]


def rows_that_count(dense: torch.Tensor) -> torch.Tensor:
    """Return (rows,), bool: False where a row has nothing but zeros.

    Args:
        dense: (rows, width), floating, contiguous.
    """
    bits = dense.detach().view(_BITS[dense.itemsize]).numpy()
    return torch.from_numpy(_rows(bits, np.iinfo(bits.dtype).max))


@numba.njit(_ROWS, parallel=True, cache=True)
def _rows(bits, signless):  # type: ignore[no-untyped-def]
    """Look at the first number of a row, which is one in most rows that count, and then at all of them in vector registers.

    `signless` has every bit but the sign: -0 is zero, and whatever else has another bit, NaN too.
    """
    rows, width = bits.shape
    found = np.empty(rows, np.bool_)
    for row in numba.prange(rows):
        counts = width > 0 and (bits[row, 0] & signless) != 0
        if not counts:
            seen = bits.dtype.type(0)
            for feature in range(width):
                seen |= bits[row, feature]
            counts = (seen & signless) != 0
        found[row] = counts
    return found
