"""Leaves out of an exact product what is multiplied with zeros: the column-row pairs whose dense row has nothing else.

In full-batch training only the training nodes have a gradient at the output. The last layer's backward product has then no use for
the columns of all others, and leaves them out without any loss.
"""

from __future__ import annotations

import torch

from rsc_bench.kernels.acceleration import with_numba
from rsc_bench.kernels.contract import Kernel, Multiply
from rsc_bench.kernels.csr import Csr
from rsc_bench.kernels.sampled.pairs import Pairs
from rsc_bench.kernels.sampled.selections import Kept

_NUMBA = with_numba("rsc._rows_numba")

WORTH = 0.8
"""Share of the non-zeros that must be left at most: above it the smaller matrix takes memory and gives little."""
_MOST_PAUSE = 64
"""Products between two looks at most, where looking has led to nothing."""
_MOST_MISSES = 3
"""Smaller matrices that were made in vain, after which no more are: the zeros are elsewhere in each step, as behind a ReLU."""


def rows_that_count(dense: torch.Tensor) -> torch.Tensor:
    """Return (rows,), bool: False where a row of `dense` has nothing but zeros; NaN is no zero."""
    if _NUMBA is not None and dense.device.type == "cpu" and dense.is_contiguous():
        found: torch.Tensor = _NUMBA.rows_that_count(dense)
        return found
    return dense.ne(0).any(dim=1)


class Lossless:
    """An exact product on a CPU that notices which rows of its operand are zero, and multiplies without them where that pays.

    Each operand is looked at before it is multiplied, so the result is that of the whole matrix. Rows that were zero twice in
    succession are taken to stay so, and a smaller matrix is made; where one of them is not zero any more, the whole one multiplies.
    """

    def __init__(self, kernel: Kernel, matrix: Csr, width: int, dtype: torch.dtype) -> None:
        """Prepare the whole matrix, as `Kernel.prepare` does, and nothing else yet."""
        self._kernel, self._matrix, self._width, self._dtype = kernel, matrix, width, dtype
        self._whole = kernel.prepare(matrix, width, dtype)
        self._smaller: Multiply | None = None
        self._rows: torch.Tensor | None = None
        """(columns,), bool: those that count, as they were last; of the smaller matrix where there is one."""
        self.kept = 1.0
        """Share of the non-zeros that the smaller matrix has; 1 where there is none."""
        self.made = 0
        """Smaller matrices that were prepared so far."""
        self._pause, self._left, self._misses = 1, 0, 0

    def __call__(self, dense: torch.Tensor) -> torch.Tensor:
        """Return the product with `dense` (columns, width)."""
        if self._left:
            self._left -= 1
            return self._whole(dense)
        rows = rows_that_count(dense)
        if self._smaller is not None and self._rows is not None:
            if bool((rows <= self._rows).all()):
                return self._smaller(dense)
            self._missed()
        elif self._rows is not None and torch.equal(rows, self._rows):
            self._make(rows)
        self._rows = rows if self._smaller is None else self._rows
        return self._whole(dense) if self._smaller is None else self._smaller(dense)

    def _make(self, rows: torch.Tensor) -> None:
        """Leave the columns out that do not count, or look again much later."""
        left = int(self._matrix.column_nnz[rows].sum())
        if left > WORTH * self._matrix.nnz:
            self._wait()
            return
        smaller = Pairs(self._matrix).compaction(self._kernel.separable)(Kept(rows))
        self._smaller = self._kernel.prepare(smaller, self._width, self._dtype)
        self.kept = left / max(self._matrix.nnz, 1)
        self.made += 1

    def _missed(self) -> None:
        self._smaller, self.kept = None, 1.0
        self._misses += 1
        if self._misses >= _MOST_MISSES:
            self._wait()

    def _wait(self) -> None:
        self._left, self._pause, self._rows = self._pause, min(2 * self._pause, _MOST_PAUSE), None
