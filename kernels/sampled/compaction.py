"""Drops the columns of a CSR matrix that were not kept.

The column numbers stay what they were, so the dense operand is used as it is and never copied.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch

from kernels.csr import Csr
from kernels.sampled.acceleration import with_numba
from kernels.sampled.selection import Kept

_NUMBA = with_numba("_compaction_numba")

Compact = Callable[[Kept], Csr]
"""Kept columns -> ``matrix @ diag(kept.weights)`` without the dropped entries; same shape, columns ascending."""


def prepare(matrix: Csr) -> Compact:
    """Return the compaction of `matrix` that is fastest on its device."""
    if _NUMBA is not None and matrix.device.type == "cpu":
        fast: Compact = _NUMBA.Compaction(matrix)
        return fast
    return partial(compact, matrix)


def compact(matrix: Csr, kept: Kept) -> Csr:
    """Compact with torch's own operations, in two passes over the column indices: on any device, and the reference."""
    entries = kept.mask[matrix.col]
    counts = torch.cat([entries.new_zeros(1, dtype=matrix.rowptr.dtype), entries.cumsum(0, dtype=matrix.rowptr.dtype)])
    col = matrix.col[entries]
    value = None if matrix.value is None else matrix.value[entries]
    if kept.scale is not None:
        value = kept.scale[col] if value is None else value * kept.scale[col]
    return Csr(counts[matrix.rowptr.long()], col, value, matrix.shape, matrix.name)
