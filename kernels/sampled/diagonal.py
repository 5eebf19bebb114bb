"""Keeps self-loops exact while the rest of a matrix is sampled: puts back what a compaction took off the diagonal."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from kernels.csr import Csr
from kernels.sampled.acceleration import with_numba
from kernels.sampled.selection import Kept

_NUMBA = with_numba("_diagonal_numba")


@dataclass(frozen=True, eq=False)
class Loops:
    """The diagonal of a square matrix, and what its columns are without it."""

    value: torch.Tensor
    """(columns,), floating: sum of the entries on the diagonal, 0 where there is none."""
    column_nnz: torch.Tensor
    """(columns,), int64: non-zeros of each column off the diagonal."""
    column_norms: torch.Tensor
    """(columns,), float32: Euclidean norm of each column off the diagonal."""

    @classmethod
    def of(cls, matrix: Csr) -> Loops | None:
        """Return the self-loops of `matrix`, or None where it has none or is not square."""
        if matrix.shape[0] != matrix.shape[1]:
            return None
        off = matrix.without_diagonal()
        if off.nnz == matrix.nnz:
            return None
        return cls(_diagonal(matrix), off.column_nnz, off.column_norms)

    def put_back(self, small: Csr, kept: Kept) -> Csr:
        """Return `small`, compacted to what was kept, with its diagonal made exact again.

        One entry a row at most: a pair that was dropped lost its loop, and one that was scaled has it scaled.
        """
        missing = (1.0 - kept.weights) * self.value.float()
        if _NUMBA is not None and small.device.type == "cpu":
            with_loops: Csr = _NUMBA.add(small, missing)
            return with_loops
        return add(small, missing)


def add(matrix: Csr, diagonal: torch.Tensor) -> Csr:
    """Return ``matrix + diag(diagonal)`` with torch's own operations: on any device, and the reference.

    Args:
        matrix: square; an entry that it has on the diagonal stays beside the new one.
        diagonal: (rows,), float32; rows where it is 0 get no entry.
    """
    adds = diagonal != 0
    new = adds.nonzero().squeeze(1)
    added = torch.cat([adds.new_zeros(1, dtype=torch.int64), adds.cumsum(0)])
    rows = torch.repeat_interleave(torch.arange(matrix.shape[0], device=matrix.device), matrix.row_nnz)
    # An entry moves by the loops of the rows above it, and by its own row's where it stands behind the diagonal.
    behind = (matrix.col > rows) & adds[rows]
    place = torch.arange(matrix.nnz, device=matrix.device) + added[rows] + behind
    rowptr = matrix.rowptr + added
    is_new = torch.ones(matrix.nnz + len(new), dtype=torch.bool, device=matrix.device).index_fill_(0, place, False)
    value = torch.empty(len(is_new), device=matrix.device)
    col = torch.empty(len(is_new), dtype=matrix.col.dtype, device=matrix.device)
    col[place], col[is_new] = matrix.col, new.to(matrix.col.dtype)
    value[place] = torch.ones(matrix.nnz, device=matrix.device) if matrix.value is None else matrix.value.float()
    value[is_new] = diagonal[new]
    return Csr(rowptr.to(matrix.rowptr.dtype), col, value, matrix.shape, matrix.name)


def _diagonal(matrix: Csr) -> torch.Tensor:
    rows = torch.repeat_interleave(torch.arange(matrix.shape[0], device=matrix.device, dtype=matrix.col.dtype), matrix.row_nnz)
    entries = (rows == matrix.col).nonzero().squeeze(1)
    value = torch.ones(len(entries), device=matrix.device) if matrix.value is None else matrix.value[entries]
    return torch.zeros(matrix.shape[0], dtype=value.dtype, device=matrix.device).index_add_(0, rows[entries], value)
