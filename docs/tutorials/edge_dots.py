"""A kernel of SDDMM: a dot product of two dense rows for each non-zero, some thousands of them at a time."""

import torch

from rsc_bench import Csr, Kernel

AT_A_TIME = 1 << 14
"""Non-zeros whose rows are gathered at once, so that these stay in a cache."""


def prepare(matrix: Csr, width: int, dtype: torch.dtype):
    """Make the edge list, once, and cut it."""
    del width, dtype
    rows = torch.repeat_interleave(torch.arange(matrix.shape[0]), matrix.row_nnz)
    parts = list(zip(rows.split(AT_A_TIME), matrix.col.long().split(AT_A_TIME), strict=True))

    def dots(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
        return torch.cat([(left[row] * right[column]).sum(-1) for row, column in parts])

    return dots


KERNEL = Kernel("edge_dots", "cpu", "Gathers, multiplies and sums in parts.", prepare, operation="sddmm")
