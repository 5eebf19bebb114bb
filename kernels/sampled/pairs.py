"""The column-row pairs of a matrix, from which sampled products with it choose."""

from __future__ import annotations

from functools import cached_property

import torch

from rsc_bench.kernels.csr import Csr
from rsc_bench.kernels.sampled import compaction
from rsc_bench.kernels.sampled.compaction import Compact
from rsc_bench.kernels.sampled.diagonal import Loops


class Pairs:
    """What each pair of a matrix costs and weighs, and how those that are dropped are left out; shared by its products."""

    def __init__(self, matrix: Csr, whole_diagonal: bool = False) -> None:
        """Take the pairs of `matrix`; with `whole_diagonal` its self-loops are outside of them, and stay exact."""
        self.matrix = matrix
        self.loops = Loops.find(matrix) if whole_diagonal else None
        self._compactions: dict[bool, Compact] = {}

    @property
    def nnz(self) -> torch.Tensor:
        """(pairs,), int64: non-zeros of each, which is what it costs."""
        return self.matrix.column_nnz if self.loops is None else self.loops.column_nnz

    @property
    def norms(self) -> torch.Tensor:
        """(pairs,), float32: Euclidean norm of each column; which pairs are chosen has no gradient."""
        return (self.matrix.column_norms if self.loops is None else self.loops.column_norms).detach()

    @cached_property
    def whole_nnz(self) -> int:
        """Non-zeros of all of them, which a budget is a share of; waits for the device."""
        return int(self.nnz.sum())

    def compaction(self, separable: bool) -> Compact:
        """Return what leaves dropped pairs out, made once; `separable` as `compaction.prepare` takes it."""
        if separable not in self._compactions:
            self._compactions[separable] = compaction.prepare(
                self.matrix, whole_diagonal=self.loops is not None, separable=separable
            )
        return self._compactions[separable]
