"""The gradient with respect to edge values: a sampled dense-dense product, in chunks that bound its memory."""

from __future__ import annotations

import torch

from rsc_bench.kernels.contract import Reduce
from rsc_bench.kernels.csr import Csr

CHUNK_ELEMENTS = 1 << 22
"""Elements of either gathered operand: 16 MiB of float32, whatever the number of edges."""


def edge_gradient(
    matrix: Csr, gradient: torch.Tensor, dense: torch.Tensor, reduce: Reduce = "sum", chunk_elements: int = CHUNK_ELEMENTS
) -> torch.Tensor:
    """Return ``gradient[row] . dense[column]`` for each stored entry, over the row's number of entries for a mean.

    Args:
        matrix: gives the pattern; its values do not matter.
        gradient: (rows, width).
        dense: (columns, width), same dtype and device.
        reduce: of the aggregation that the gradient belongs to.
        chunk_elements: gathered at a time of either operand; decides how much memory it takes, and nothing else.

    Returns:
        (nnz,), same dtype, in the order of the matrix's entries. Exact: nothing is sampled.
    """
    rows = torch.repeat_interleave(torch.arange(matrix.shape[0], device=matrix.device), matrix.row_nnz)
    found = torch.empty(matrix.nnz, dtype=dense.dtype, device=dense.device)
    chunk = max(1, chunk_elements // max(1, dense.shape[1]))
    for start in range(0, matrix.nnz, chunk):
        part = slice(start, start + chunk)
        found[part] = torch.linalg.vecdot(gradient[rows[part]], dense[matrix.col[part]])
    return found / matrix.row_nnz[rows] if reduce == "mean" else found
