"""Computes products, extrema and dot products in float64, where the operands lie, and how far a kernel's result is from them."""

from __future__ import annotations

import hashlib
import math
import weakref
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch

from rsc_bench.kernels import Csr, Reduce
from rsc_bench.kernels.contract import EXTREMA, SDDMM
from rsc_bench.kernels.sampled.selections import Edges
from rsc_bench.suites.graphs.cache import Cache
from rsc_bench.suites.spmm.operands import Operands, Product

_ENTRIES_AT_A_TIME = 1 << 28
"""Non-zeros times columns that are gathered at once: 2 GiB in float64."""
_COMPARED = 1 << 15
"""Numbers that are compared at a time: in float64 a quarter of a megabyte."""
_KEPT_BYTES = 2 << 30


def product64(matrix: Csr, dense: torch.Tensor, weights: torch.Tensor | None = None) -> np.ndarray:
    """Return ``matrix @ diag(weights) @ dense`` in float64, (rows, width), on the host.

    Args:
        matrix: the sparse operand, its values as a kernel sees them.
        dense: (columns, width), on the matrix's device.
        weights: (columns,), float32, on the host: what each column-row pair counts for; None: 1.
    """
    if matrix.device.type != "cpu":
        return gathered64(matrix, dense, weights).cpu().numpy()
    if weights is None:
        whole: np.ndarray = matrix.to_scipy() @ dense.double().numpy()
        return whole
    kept = weights.nonzero()[:, 0]
    columns = _some_rows(matrix.transpose(), kept).to_scipy().T.tocsr()
    sampled: np.ndarray = columns @ (weights[kept, None].double() * dense[kept]).numpy()
    return sampled


def _some_rows(matrix: Csr, rows: torch.Tensor) -> Csr:
    """Return some rows of a matrix as one of their own: making a value for each non-zero of all of them would take far longer."""
    starts = matrix.rowptr[rows].long()
    counts = matrix.rowptr[rows + 1].long() - starts
    rowptr = torch.cat([counts.new_zeros(1), counts.cumsum(0)])
    places = torch.arange(int(rowptr[-1])) + torch.repeat_interleave(starts - rowptr[:-1], counts)
    entries = None if matrix.entries is None else matrix.entries[places]
    scaling = matrix.scaling
    if scaling is not None and scaling.rows is not None:
        scaling = replace(scaling, rows=scaling.rows[rows])
    return Csr.trusted(rowptr.to(matrix.rowptr.dtype), matrix.col[places], entries, (len(rows), matrix.shape[1]), scaling=scaling)


def gathered64(
    matrix: Csr, dense: torch.Tensor, weights: torch.Tensor | None, entries_at_a_time: int = _ENTRIES_AT_A_TIME
) -> torch.Tensor:
    """Return `product64` where the operands lie, some non-zeros at a time: for Reddit at 256 columns a second, SciPy's minute."""
    operand = dense.double()
    if weights is not None:
        operand = operand * weights.to(dense.device).double()[:, None]
    return _summed((_rows(matrix), matrix.col, matrix.values64()), operand, matrix.shape[0], entries_at_a_time)


def edges64(matrix: Csr, dense: torch.Tensor, edges: Edges) -> np.ndarray:
    """Return ``product64`` over some non-zeros alone, (rows, width), on the host."""
    places = edges.places
    value = matrix.values64()[places] * (1.0 if edges.scale is None else edges.scale.double())
    entries = _rows(matrix)[places], matrix.col[places], value
    return _summed(entries, dense.double(), matrix.shape[0], _ENTRIES_AT_A_TIME).cpu().numpy()


def _rows(matrix: Csr) -> torch.Tensor:
    return torch.repeat_interleave(torch.arange(matrix.shape[0], device=matrix.device), matrix.row_nnz)


def _summed(
    entries: tuple[torch.Tensor, torch.Tensor, torch.Tensor], operand: torch.Tensor, rows: int, entries_at_a_time: int
) -> torch.Tensor:
    """Add up each row's entries, given as row, column and value, times the operand's rows."""
    row, column, value = entries
    result = torch.zeros(rows, operand.shape[1], dtype=torch.float64, device=operand.device)
    step = max(1, entries_at_a_time // max(1, operand.shape[1]))
    for start in range(0, len(row), step):
        run = slice(start, start + step)
        result.index_add_(0, row[run], operand[column[run].long()] * value[run, None])
    return result


def extremum64(matrix: Csr, dense: torch.Tensor, reduce: Reduce, entries_at_a_time: int = _ENTRIES_AT_A_TIME) -> np.ndarray:
    """Return the largest or smallest of what each row of a product adds up, in float64, 0 for an empty row, on the host.

    Args:
        matrix: the sparse operand, its values as a kernel sees them.
        dense: (columns, width), on the matrix's device.
        reduce: ``max`` or ``min``.
        entries_at_a_time: non-zeros times columns that are gathered at once.

    Returns:
        (rows, width).
    """
    operand, value = dense.double(), matrix.values64()
    rows = torch.repeat_interleave(torch.arange(matrix.shape[0], device=matrix.device), matrix.row_nnz)
    least = -torch.inf if reduce == "max" else torch.inf
    result = torch.full((matrix.shape[0], dense.shape[1]), least, dtype=torch.float64, device=dense.device)
    step = max(1, entries_at_a_time // max(1, dense.shape[1]))
    for start in range(0, matrix.nnz, step):
        run = slice(start, start + step)
        terms = operand[matrix.col[run].long()] * value[run, None]
        result.scatter_reduce_(0, rows[run, None].expand_as(terms), terms, f"a{reduce}")
    result[matrix.row_nnz == 0] = 0.0
    found: np.ndarray = result.cpu().numpy()
    return found


def dots64(made: Operands, numbers_at_a_time: int = _COMPARED) -> np.ndarray:
    """Return ``left[i] @ right[j]`` for each non-zero (i, j) in float64, (non-zeros,), on the host.

    Some at a time: of two rows for each non-zero of Reddit nothing has the memory.
    """
    assert made.left is not None
    each = torch.arange(made.matrix.shape[0], device=made.dense.device, dtype=torch.int32)
    rows, columns = torch.repeat_interleave(each, made.matrix.row_nnz), made.matrix.col
    result = torch.empty(made.matrix.nnz, dtype=torch.float64, device=made.dense.device)
    step = max(1, (_ENTRIES_AT_A_TIME if made.dense.is_cuda else numbers_at_a_time) // max(1, made.dense.shape[1]))
    for start in range(0, made.matrix.nnz, step):
        run = slice(start, start + step)
        result[run] = (made.left[rows[run].long()].double() * made.dense[columns[run].long()].double()).sum(1)
    found: np.ndarray = result.cpu().numpy()
    return found


class References:
    """The float64 products that kernels are checked against; kernels that select alike share one."""

    def __init__(self, compute: Callable[[Csr, torch.Tensor, torch.Tensor | None], np.ndarray] = product64) -> None:
        self._compute = compute
        self._kept: Cache[np.ndarray] = Cache(lambda array: array.nbytes, lambda _: _KEPT_BYTES)

    def reference(self, product: Product, made: Operands, weights: torch.Tensor | None = None) -> np.ndarray:
        """Return ``A^T @ diag(weights) @ G`` or an extremum, float64, (nodes, width), from the operands as the kernel sees them.

        Of SDDMM the dot products, (non-zeros,).

        Kept by the contents of the weights. It keeps no graph in memory.
        """
        digest = b"" if weights is None else hashlib.blake2b(weights.numpy().data, digest_size=16).digest()
        key = (weakref.ref(product.graph), product.width, product.dtype, product.reduce, product.device, product.operation, digest)
        if product.operation == SDDMM:
            return self._kept.get(key, lambda: dots64(made))
        if product.reduce in EXTREMA:
            return self._kept.get(key, lambda: extremum64(made.matrix, made.dense, product.reduce))
        return self._kept.get(key, lambda: self._compute(made.matrix, made.dense, weights))


def relative_error(found: torch.Tensor, wanted: np.ndarray | torch.Tensor) -> float:
    """Return the Frobenius norm of the difference over that of `wanted`; the plain norm of `found` where `wanted` is 0.

    Worked out in float64 where `found` lies. On a CPU some rows at a time, which stay in a cache: each number is read once from
    memory, and nothing as large as the whole is made, whose pages would take eight times as long, in four places of each record.
    """
    exact = torch.as_tensor(wanted).to(found.device)
    step = max(1, len(found) if found.is_cuda else _COMPARED // max(1, found[:1].numel()))
    sizes, differences = [0.0], [0.0]
    for start in range(0, len(found), step):
        rows = slice(start, start + step)
        part = exact[rows].double()
        sizes.append(float(torch.linalg.vector_norm(part)))
        differences.append(float(torch.linalg.vector_norm(part - found[rows])))
    scale, difference = math.hypot(*sizes), math.hypot(*differences)
    return difference / scale if scale else difference
