"""Turns a matrix whose number of non-zeros only the device knows into one that any kernel takes, and cuts its product to size."""

from __future__ import annotations

from functools import partial

import torch

from rsc_bench.kernels.contract import Multiply
from rsc_bench.kernels.csr import Csr, Scaling

TAIL_ROWS = 128
"""Rows that share what stands behind the last non-zero: up to a hub's worth, which one row would make a hub."""


def padded(matrix: Csr) -> Csr:
    """Return the bounded `matrix` with `TAIL_ROWS` more rows, so that its last offset is the length of `col`.

    A library gets the number of non-zeros from the host, and the host would wait for the device to learn it. What is
    multiplied in vain is the difference between a bound and what was kept; no row of the matrix gets any of it.
    """
    last = matrix.rowptr[-1:].long()
    part = torch.arange(1, TAIL_ROWS + 1, device=matrix.device)
    tail = last + (matrix.nnz - last) * part // TAIL_ROWS
    rowptr = torch.cat([matrix.rowptr, tail.to(matrix.rowptr.dtype)])
    shape = matrix.shape[0] + TAIL_ROWS, matrix.shape[1]
    return Csr.trusted(rowptr, matrix.col, matrix.entries, shape, matrix.name, _longer(matrix.scaling))


def _longer(scaling: Scaling | None) -> Scaling | None:
    """Return the scaling with a factor for the rows that padding adds."""
    if scaling is None or scaling.rows is None:
        return scaling
    return Scaling(torch.cat([scaling.rows, scaling.rows.new_ones(TAIL_ROWS)]), scaling.columns)


def cut(multiply: Multiply, rows: int) -> Multiply:
    """Return `multiply` without the rows of its product that padding added."""
    return partial(_cut, multiply, rows)


def _cut(multiply: Multiply, rows: int, dense: torch.Tensor) -> torch.Tensor:
    return multiply(dense)[:rows]
