"""Drops the columns of a CSR matrix that were not kept.

The column numbers stay what they were, so the dense operand is used as it is and never copied.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch

from kernels.csr import Csr
from kernels.sampled.acceleration import with_numba, with_triton
from kernels.sampled.diagonal import Loops
from kernels.sampled.selection import Kept

_NUMBA = with_numba("_compaction_numba")

Compact = Callable[[Kept], Csr]
"""Kept columns -> ``matrix @ diag(kept.weights)`` without the dropped entries; same shape, columns ascending.

On a GPU the result is bounded, because how many entries are left is known on the device only.
"""


def prepare(matrix: Csr, loops: Loops | None = None, separable: bool = False) -> Compact:
    """Return the compaction of `matrix` that is fastest on its device.

    Args:
        matrix: what columns are dropped from.
        loops: its self-loops, which come out whole whatever is dropped; None: they are dropped like everything else.
        separable: the result may have a scaling where `matrix` has one, because what reads it needs no values.
    """
    triton = with_triton("_compaction_triton", matrix.device)
    if triton is not None:
        on_device: Compact = triton.Compaction(matrix, loops is not None, separable)
        return on_device
    fast = _NUMBA.Compaction(matrix) if _NUMBA is not None and matrix.device.type == "cpu" else partial(compact, matrix)
    return fast if loops is None else partial(_with_loops, fast, loops)


def _with_loops(compaction: Compact, loops: Loops, kept: Kept) -> Csr:
    return loops.put_back(compaction(kept), kept)


def compact(matrix: Csr, kept: Kept) -> Csr:
    """Compact with torch's own operations, in two passes over the column indices: on any device, and the reference."""
    entries = kept.mask[matrix.col]
    counts = torch.cat([entries.new_zeros(1, dtype=matrix.rowptr.dtype), entries.cumsum(0, dtype=matrix.rowptr.dtype)])
    col = matrix.col[entries]
    value = None if matrix.value is None else matrix.value[entries]
    if kept.scale is not None:
        value = kept.scale[col] if value is None else value * kept.scale[col]
    return Csr(counts[matrix.rowptr.long()], col, value, matrix.shape, matrix.name)
