"""Drops the columns, or the single non-zeros, of a CSR matrix that were not kept.

The column numbers stay what they were, so the dense operand is used as it is and never copied.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch

from rsc_bench.kernels.acceleration import with_numba, with_triton
from rsc_bench.kernels.csr import Csr
from rsc_bench.kernels.sampled.diagonal import on_diagonal
from rsc_bench.kernels.sampled.selections import Edges, Kept

_NUMBA = with_numba("sampled._compaction_numba")

Compact = Callable[[Kept], Csr]
"""Kept columns -> ``matrix @ diag(kept.weights)`` without the dropped entries; same shape, columns ascending.

On a GPU the result is bounded, because how many entries are left is known on the device only.
"""


def prepare(matrix: Csr, whole_diagonal: bool = False, separable: bool = False) -> Compact:
    """Return the compaction of `matrix` that is fastest on its device.

    Args:
        matrix: what columns are dropped from.
        whole_diagonal: every entry on the diagonal stays, and stays what it is, whatever is dropped and scaled.
        separable: the result may have a scaling where `matrix` has one, because what reads it needs no values.
    """
    triton = with_triton("sampled._compaction_triton", matrix.device)
    fast = triton if triton is not None else _NUMBA if matrix.device.type == "cpu" else None
    if fast is None:
        return partial(compact, matrix.with_entries(), whole_diagonal=whole_diagonal)
    compaction: Compact = fast.Compaction(matrix, whole_diagonal, separable)
    return compaction


def compact(matrix: Csr, kept: Kept, whole_diagonal: bool = False) -> Csr:
    """Compact with torch's own operations, in two passes over the column indices: on any device, and the reference."""
    looped = on_diagonal(matrix) if whole_diagonal else None
    entries = kept.mask[matrix.col] if looped is None else kept.mask[matrix.col] | looped
    counts = torch.cat([entries.new_zeros(1, dtype=matrix.rowptr.dtype), entries.cumsum(0, dtype=matrix.rowptr.dtype)])
    col = matrix.col[entries]
    value = None if (whole := matrix.value) is None else whole[entries]
    if kept.scale is not None:
        scale = kept.scale[col] if looped is None else kept.scale[col].masked_fill(looped[entries], 1.0)
        value = scale if value is None else value * scale
    return Csr.trusted(counts[matrix.rowptr.long()], col, value, matrix.shape, matrix.name)


def of_edges(matrix: Csr, separable: bool = False) -> Callable[[Edges], Csr]:
    """Return what builds the smaller matrix of some non-zeros, in time of what is kept; `separable` as `prepare` takes it.

    On a GPU it waits for nothing, and the result is bounded, as that of columns is.
    """
    whole = matrix if separable and matrix.entries is None else matrix.with_entries()
    offsets = matrix.rowptr.long()

    def gather(edges: Edges) -> Csr:
        places, scaling = edges.places, whole.scaling
        entries = None if whole.entries is None else whole.entries[places]
        if edges.scale is not None:
            values = whole.value if entries is None else None
            entries = entries if values is None else values[places]
            entries, scaling = edges.scale if entries is None else entries * edges.scale, None
        rowptr = torch.searchsorted(places, offsets).to(matrix.rowptr.dtype)
        col, bounded = matrix.col[places], matrix.device.type != "cpu"
        return Csr.trusted(rowptr, col, entries, matrix.shape, matrix.name, scaling, bounded)

    return gather
