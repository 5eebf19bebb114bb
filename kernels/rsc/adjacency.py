"""The matrix of an aggregation, and its self-loops, which stay exact whatever is sampled."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import torch

from rsc_bench.kernels.contract import Reduce
from rsc_bench.kernels.csr import Csr, Scaling
from rsc_bench.kernels.sampled.pairs import Pairs

Diagonal = Literal["exact", "sampled"]


@dataclass(frozen=True, eq=False)
class Adjacency:
    """The matrix that an aggregation really multiplies with."""

    matrix: Csr
    """Rows are targets, columns are sources; mean aggregation has become values."""
    source: Csr | None
    """The matrix as it was given, which edge values are laid out like; None where they never change."""
    reduce: Reduce
    diagonal: Diagonal
    """``"exact"`` keeps the self-loops out of the sampling, ``"sampled"`` does not."""
    rows: torch.Tensor | None = None
    """(rows,), bool: those that it has, the others are empty; None: all."""

    @classmethod
    def from_csr(cls, source: Csr, reduce: Reduce = "sum", diagonal: Diagonal = "exact") -> Adjacency:
        """Return the adjacency that aggregates by `reduce` over the rows of `source`.

        Args:
            source: rows are targets, columns are sources.
            reduce: ``"sum"``, or ``"mean"``: each row's sum over its number of entries, self-loops included.
            diagonal: whether self-loops are sampled.
        """
        return cls(_mean(source) if reduce == "mean" else source, source, reduce, diagonal)

    @cached_property
    def pairs(self) -> Pairs:
        """What sampled products with the matrix choose from, whichever layer's they are."""
        return Pairs(self.matrix, whole_diagonal=self.diagonal == "exact")

    @cached_property
    def transposed_pairs(self) -> Pairs:
        """The same of products with the transpose."""
        return Pairs(self.matrix.transpose(), whole_diagonal=self.diagonal == "exact")

    @property
    def nbytes(self) -> int:
        """Bytes of the matrix and its transpose, as far as they are made."""
        return sum(map(_nbytes, (self.matrix, *self.matrix._transposed)))

    def prepare_backward(self) -> None:
        """Make the transpose now.

        Sorting takes memory of several times the indices: before the first layer's activations are there, it raises no peak.
        """
        self.matrix.transpose()

    def fixed(self, separable: bool = True) -> Adjacency:
        """Return the adjacency without its source, which then takes no memory: its edge values stay what they are.

        ``separable=False``: the kernel reads a value for each non-zero; they are made once, or each layer would make its own.
        """
        return replace(self, source=None, matrix=self.matrix if separable else self.matrix.with_entries())

    def of_rows(self, rows: torch.Tensor) -> Adjacency:
        """Return the adjacency with nothing but the rows of a mask, and without its source."""
        return replace(self, source=None, matrix=_only(self.matrix, rows), rows=rows)

    @property
    def pattern(self) -> Csr:
        """The matrix whose entries edge values stand for, one by one."""
        if self.source is None:
            raise ValueError(f"{self.matrix.name or 'adjacency'}: edge values must stay what they are (its source was let go)")
        return self.source

    def with_values(self, value: torch.Tensor) -> Adjacency:
        """Return the adjacency with other edge values, (nnz,), in the order of `source`."""
        parts = self.pattern
        if value.shape != (parts.nnz,):
            raise ValueError(f"edge values must have shape ({parts.nnz},), one a non-zero (got {tuple(value.shape)})")
        valued = replace(parts, entries=value.detach(), scaling=None, _transposed=[])
        return Adjacency.from_csr(valued, self.reduce, self.diagonal)


def _nbytes(matrix: Csr) -> int:
    scaling = matrix.scaling or Scaling()
    parts = matrix.rowptr, matrix.col, matrix.entries, scaling.rows, scaling.columns
    return sum(part.nbytes for part in parts if part is not None)


def _only(matrix: Csr, rows: torch.Tensor) -> Csr:
    """The matrix with the entries of some rows, (rows,) bool; the others are empty."""
    keep = torch.repeat_interleave(rows, matrix.row_nnz)
    counts = torch.cat([rows.new_zeros(1, dtype=torch.int64), (matrix.row_nnz * rows).cumsum(0)]).to(matrix.rowptr.dtype)
    entries = None if matrix.entries is None else matrix.entries[keep]
    return Csr.trusted(counts, matrix.col[keep], entries, matrix.shape, matrix.name, matrix.scaling)


def _mean(source: Csr) -> Csr:
    """Mean aggregation as values, which keep a wider dtype than float32 where they had it."""
    if source.entries is None or source.entries.dtype is not torch.float64:
        return source.mean()
    value = source.entries / torch.repeat_interleave(source.row_nnz, source.row_nnz)
    return replace(source, entries=value, _transposed=[])
