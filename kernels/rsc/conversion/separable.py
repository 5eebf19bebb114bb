"""Finds values that are a factor of the row times one of the column, as normalising an adjacency makes them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import torch

from rsc_bench.kernels.csr import Csr, Scaling
from rsc_bench.kernels.sampled.diagonal import on_diagonal

_ROUNDING = 8 * torch.finfo(torch.float32).eps
"""Relative difference that is still rounding: normalising rounds four times, and so does finding the factors."""


def separated(matrix: Csr) -> Csr:
    """Return the matrix with factors in place of its values, equal to rounding, or itself where there are none.

    A model's cached samples then have a column a non-zero and no value: half the memory. Looked for are values that are all one,
    the same within each row (a mean), and symmetric with the diagonal filled (a GCN). Wider values than float32 are left alone.
    """
    if matrix.entries is None or matrix.entries.dtype is not torch.float32:
        return matrix
    for scaling in _candidates(matrix):
        found = replace(matrix, entries=None, scaling=scaling, _transposed=[])
        if _same(found.value, matrix.entries):
            return found
    return matrix


def _candidates(matrix: Csr) -> Iterator[Scaling | None]:
    assert matrix.entries is not None
    yield None
    empty = torch.zeros(matrix.shape[0], dtype=torch.float64, device=matrix.device)
    filled = matrix.row_nnz > 0
    yield Scaling(rows=empty.masked_scatter(filled, matrix.entries[matrix.rowptr[:-1][filled].long()].double()))
    if matrix.shape[0] == matrix.shape[1]:
        looped = on_diagonal(matrix)
        root = empty.index_copy(0, matrix.col[looped].long(), matrix.entries[looped].double()).sqrt()
        yield Scaling(root, root)


def _same(found: torch.Tensor | None, value: torch.Tensor) -> bool:
    return torch.allclose(torch.ones_like(value) if found is None else found, value, rtol=_ROUNDING, atol=0)
