"""Runs our CPU SDDMM: the loop over non-zeros, compiled for a width, and what its threads share out."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any

import numba
import numpy as np
import torch

from rsc_bench.kernels.contract import Dots, Unsupported
from rsc_bench.kernels.csr import Csr
from rsc_bench.kernels.exact._rows_numba import dot_product as emitted
from rsc_bench.kernels.exact._rows_numba.dot_product import TILE, dot_product, store
from rsc_bench.kernels.exact._rows_numba.row_product import BF16, F16, F64, item_bytes, no_half
from rsc_bench.kernels.openmp import OPENMP
from rsc_bench.kernels.pool import POOL
from rsc_bench.kernels.prefetch import LINE_BYTES, prefetch

OPENMP.share()

PARTS_PER_THREAD = 4
FETCHED_BYTES = 12 << 10
"""Bytes of the columns' dense rows that are asked for before their turn, as `rows_numba` does: they lie anywhere."""
FARTHEST = 48
"""Non-zeros ahead at most."""
_STORED = {torch.float32: 0, torch.bfloat16: BF16, torch.float16: F16, torch.float64: F64}
_OFFSETS = {"int32": numba.int32[::1], "int64": numba.int64[::1]}


def prepared(matrix: Csr, width: int, dtype: torch.dtype) -> Dots:
    """Return the dot products for `matrix`; raises `Unsupported` for float16 on a CPU that does not convert it."""
    if dtype is torch.float16 and (reason := no_half()):
        raise Unsupported(reason)
    rowptr, col = matrix.rowptr.numpy(), matrix.col.numpy()
    fetch = min(FETCHED_BYTES // (width * dtype.itemsize), FARTHEST)
    run = _compiled(width, _STORED[dtype], fetch, rowptr.dtype.name)
    return partial(_dots, run, (ranges(matrix.nnz, numba.get_num_threads()), rowptr, col))


def ranges(nnz: int, threads: int) -> np.ndarray:
    """Return the first non-zero of each part and the one behind its last, (parts, 2), int64, all of one size.

    Every non-zero has a result of its own and costs the same: a hub is cut as anything else.
    """
    cuts = np.arange(threads * PARTS_PER_THREAD + 1) * nnz // (threads * PARTS_PER_THREAD)
    return np.stack([cuts[:-1], cuts[1:]], 1)


def _dots(
    run: Callable[..., None], parts: tuple[np.ndarray, np.ndarray, np.ndarray], left: torch.Tensor, right: torch.Tensor
) -> torch.Tensor:
    result = POOL.empty((len(parts[2]),), left.dtype)
    run(*parts, _bits(left), _bits(right), _bits(result))
    return result


def _bits(tensor: torch.Tensor) -> np.ndarray:
    """A view for numba, which has neither bfloat16 nor float16."""
    array: np.ndarray = (tensor.detach().view(torch.int16) if tensor.dtype.itemsize == 2 else tensor.detach()).numpy()
    return array


@cache
def _compiled(width: int, form: int, fetch: int, offsets: str) -> Callable[..., None]:
    """Return the loop over non-zeros, compiled for contiguous arrays.

    `fetch` non-zeros before its turn the dense row of a column is asked for; the dense row of a row serves all of its non-zeros,
    and the next one lies behind it.
    """
    revision = emitted.REVISION
    size = item_bytes(form)
    lines = (width * size - 1) // LINE_BYTES + 1
    tiles, rest = (width - 1) // TILE, (width - 1) % TILE + 1
    zero: Any = np.float64(0) if form & F64 else np.float32(0)

    def run(parts, rowptr, col, left, right, result):  # type: ignore[no-untyped-def] # noqa: PLR0913
        if revision < 0:  # never: what is kept on disk is kept by what this refers to
            return
        stride, end = np.int64(width * size), np.int64(len(col))
        for part in numba.prange(len(parts)):
            at, last = parts[part, 0], parts[part, 1]
            row = np.searchsorted(rowptr, at, side="right") - 1
            while at < last:
                one = left.ctypes.data + np.uint64(row * stride)
                for entry in range(at, min(np.int64(rowptr[row + 1]), last)):
                    if fetch:
                        later = right.ctypes.data + np.uint64(np.int64(col[min(entry + fetch, end - 1)]) * stride)
                        for line in range(lines):
                            prefetch(later + np.uint64(line * LINE_BYTES))  # type: ignore[call-arg]
                    other = right.ctypes.data + np.uint64(np.int64(col[entry]) * stride)
                    total = zero
                    for tile in range(tiles):
                        place = np.uint64(tile * TILE * size)
                        total += dot_product(TILE, form, one + place, other + place)  # type: ignore[call-arg]
                    place = np.uint64(tiles * TILE * size)
                    total += dot_product(rest, form, one + place, other + place)  # type: ignore[call-arg]
                    store(form, total, result.ctypes.data + np.uint64(entry * size))
                at = min(np.int64(rowptr[row + 1]), last)
                row += 1

    numbers = numba.int16 if form & (BF16 | F16) else numba.float64 if form & F64 else numba.float32
    dense = numbers[:, ::1]
    signature = numba.void(numba.int64[:, ::1], _OFFSETS[offsets], numba.int32[::1], dense, dense, numbers[::1])
    compiled: Callable[..., None] = numba.njit(signature, parallel=True, cache=True)(run)
    return compiled
