"""What the columns of a matrix are without its self-loops, which stay exact while the rest of it is sampled."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from rsc_bench.kernels.csr import Csr


@dataclass(frozen=True, eq=False)
class Loops:
    """That a square matrix has entries on its diagonal, and what its columns are without them."""

    column_nnz: torch.Tensor
    """(columns,), int64: non-zeros of each column off the diagonal."""
    column_norms: torch.Tensor
    """(columns,), float32: Euclidean norm of each column off the diagonal."""

    @classmethod
    def find(cls, matrix: Csr) -> Loops | None:
        """Return the self-loops of `matrix`, or None where it has none or is not square."""
        if matrix.shape[0] != matrix.shape[1]:
            return None
        off = matrix.without_diagonal()
        return None if off.nnz == matrix.nnz else cls(off.column_nnz, off.column_norms)


def on_diagonal(matrix: Csr) -> torch.Tensor:
    """Return (nnz,), bool: which of the non-zeros stand on the diagonal."""
    rows = torch.arange(matrix.shape[0], device=matrix.device, dtype=matrix.col.dtype)
    return torch.repeat_interleave(rows, matrix.row_nnz) == matrix.col
