"""Our CPU SpMM: each row's sums stay in vector registers, and rows are shared out over threads by their non-zeros."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, partial

import numba
import numpy as np
import torch

from rsc_bench.kernels.contract import Kernel, Multiply, Reduce, Unsupported
from rsc_bench.kernels.csr import Csr, Scaling
from rsc_bench.kernels.exact._rows_numba import grouping
from rsc_bench.kernels.exact._rows_numba import parts as row_parts
from rsc_bench.kernels.exact._rows_numba import row_product as emitted
from rsc_bench.kernels.exact._rows_numba import tiles as widths
from rsc_bench.kernels.exact._rows_numba.row_product import (
    BF16,
    BY_COLUMN,
    F16,
    F64,
    FACTORED,
    STREAMED,
    WEIGHTED,
    row_product,
    store_fence,
)
from rsc_bench.kernels.openmp import OPENMP
from rsc_bench.kernels.pool import POOL
from rsc_bench.kernels.prefetch import LINE_BYTES, prefetch

OPENMP.share()

_STORED = {torch.float32: 0, torch.bfloat16: BF16, torch.float16: F16, torch.float64: F64}
"""Flag of what operand and result are stored in; all but float64 have float32 sums."""
_FARTHEST = 48
"""Non-zeros ahead at most: narrow rows gain no more from being asked for earlier."""
# What rows may start at: read as it is, because a copy for each layer and each sample adds up.
_OFFSETS = {"int32": numba.int32[::1], "int64": numba.int64[::1]}
# Rows that are looked at to see whether there are self-loops: a sampled matrix is prepared in each selection.
_LOOKED_AT = 256


@dataclass(frozen=True)
class RowsNumba:
    """Prepares `rows_numba`; the numbers are those that were measured fastest on a CPU."""

    stream_from_bytes: int = 8 << 20
    """Bytes of a result from which on it is stored past the caches.

    Past the second-level caches a result is written once and read much later: storing it past them saves reading the lines that
    it overwrites, and leaves the dense operand in them.
    """
    fetched_bytes: int = 12 << 10
    """Bytes of dense rows that are asked for before their turn: what memory brings while that many are summed.

    Rows lie anywhere, so that no hardware finds the next one by itself (docs/how-it-works/cpu-kernels.md).
    """
    ahead: int = 4
    """Rows between asking for the diagonal's dense row and reading it: 1 to 8 measured alike, 0 at up to a quarter more time."""
    grouped: bool = False
    """Short rows are multiplied in the order of their length."""

    def prepare(self, matrix: Csr, width: int, dtype: torch.dtype, reduce: Reduce = "sum") -> Multiply:
        """Return the multiply for `matrix`; the code for a new width is compiled here (and kept on disk), never while timed.

        Raises:
            Unsupported: for float16 on a CPU that does not convert it.
        """
        return self._prepared(matrix, width, dtype, reduce, widths.chosen(matrix, width, dtype))

    def prepare_sampled(self, matrix: Csr, width: int, dtype: torch.dtype, reduce: Reduce = "sum") -> Multiply:
        """Return the multiply for what is left of a matrix: short rows are grouped by their length, see `grouping`."""
        return replace(self, grouped=True).prepare(matrix, width, dtype, reduce)

    def tune(self, matrix: Csr, width: int, dtype: torch.dtype, reduce: Reduce = "sum") -> None:
        """Find the tile for matrices like this one where that is not on disk, and compile: a process does either once."""
        if (candidates := widths.to_try(matrix, width, dtype)) is not None:
            multiplies = {tile: self._prepared(matrix, width, dtype, reduce, tile) for tile in candidates}
            widths.search(matrix, width, dtype, multiplies)
        self.prepare(matrix, width, dtype, reduce)

    def _prepared(self, matrix: Csr, width: int, dtype: torch.dtype, reduce: Reduce, tile: int) -> Multiply:
        """Return the multiply that sums `tile` features at once."""
        if dtype is torch.float16 and (reason := emitted.no_half()):
            raise Unsupported(reason)
        if dtype is torch.float64:  # factors are those of float32 values, which every kernel has to see
            matrix = matrix.with_entries()
        rowptr, col = matrix.rowptr.numpy(), matrix.col.numpy()
        (value, factor), weighing = _weights(matrix, reduce, dtype)
        form = weighing | self.storing(matrix.shape[0], width, dtype)
        ahead = self.ahead if _has_loops(rowptr, col, _LOOKED_AT) else 0
        fetch = self.fetch(min(tile, width) * dtype.itemsize)
        sizes = [(start, min(tile, width - start)) for start in range(0, width, tile)]
        tiles = [(start, _compiled(size, form, (ahead, fetch), rowptr.dtype.name)) for start, size in sizes]
        parts = row_parts.of(rowptr, numba.get_num_threads())
        rows = grouping.Rows(rowptr, col, value, grouping.AS_THEY_ARE)
        if self.grouped and not parts.hubs and grouping.worth(rowptr, value, width * dtype.itemsize, loops=ahead > 0):
            rows = grouping.group(rowptr, col, value[:0] if weighing & BY_COLUMN else value, parts.ranges)
            rows = replace(rows, value=value) if weighing & BY_COLUMN else rows
        return partial(_multiply, (matrix.shape[1], width), tiles, parts, (rows, factor))

    def fetch(self, tile_bytes: int) -> int:
        """Return how many non-zeros ahead a tile of a dense row is asked for."""
        return min(self.fetched_bytes // tile_bytes, _FARTHEST) if tile_bytes <= self.fetched_bytes else 0

    def storing(self, rows: int, width: int, dtype: torch.dtype) -> int:
        """Return the flags of how a result of this shape is stored."""
        row_bytes = width * dtype.itemsize
        streamed = rows * row_bytes >= self.stream_from_bytes and row_bytes % LINE_BYTES == 0
        return _STORED[dtype] | streamed * STREAMED


def _weights(matrix: Csr, reduce: Reduce, dtype: torch.dtype) -> tuple[tuple[np.ndarray, np.ndarray], int]:
    """Return the values, one a non-zero or a column, and the rows' factors, empty where all are one; with the flags for both."""
    scaling = matrix.scaling or Scaling()
    rows = scaling.by_rows(1.0 / matrix.row_nnz.clamp(min=1).double()).rows if reduce == "mean" else scaling.rows
    value = scaling.columns if matrix.entries is None else matrix.entries
    form = (value is not None) * (WEIGHTED | BY_COLUMN * (matrix.entries is None)) | (rows is not None) * FACTORED
    real = torch.promote_types(dtype, torch.float32)
    return (_of(value, real), _of(rows, real)), form


def _of(part: torch.Tensor | None, real: torch.dtype) -> np.ndarray:
    array: np.ndarray = (torch.empty(0) if part is None else part.detach()).to(real).contiguous().numpy()
    return array


def _multiply(
    shape: tuple[int, int],
    tiles: list[tuple[int, Callable[..., None]]],
    parts: row_parts.Parts,
    operand: tuple[grouping.Rows, np.ndarray],
    dense: torch.Tensor,
) -> torch.Tensor:
    if dense.shape != shape:  # the compiled loop does not look, and would read past the end
        raise ValueError(f"the dense operand must have shape {shape}, as prepared for (got {tuple(dense.shape)})")
    rows, factor = operand
    col, value = rows.col, rows.value
    result = POOL.empty((len(rows.rowptr) - 1, dense.shape[1]), dense.dtype)
    operands = _bits(dense), _bits(result)
    for start, run in tiles:
        run(parts.ranges, rows.rowptr, col, value, factor, *operands, (start, rows.order))
    for hub in parts.hubs:
        pieces = torch.empty(hub.pieces, dense.shape[1], dtype=dense.dtype)
        # A hub's factor is that of each of its pieces: their sum is multiplied by it as well.
        factors = factor[hub.row : hub.row + 1].repeat(hub.pieces)
        for start, run in tiles:
            run(hub.ranges, hub.rowptr, col, value, factors, operands[0], _bits(pieces), (start, grouping.AS_THEY_ARE))
        result[hub.row] = pieces.sum(0, dtype=torch.promote_types(dense.dtype, torch.float32))
    return result


def _bits(dense: torch.Tensor) -> np.ndarray:
    """A view for numba, which has neither bfloat16 nor float16."""
    array: np.ndarray = (dense.detach().view(torch.int16) if dense.dtype.itemsize == 2 else dense.detach()).numpy()
    return array


@numba.njit([numba.boolean(offsets, numba.int32[::1], numba.int64) for offsets in _OFFSETS.values()], cache=True)
def _has_loops(rowptr, col, looked_at):  # type: ignore[no-untyped-def]
    """Return whether most rows have an entry on the diagonal, as far as some of them show."""
    rows = len(rowptr) - 1
    step = max(1, rows // looked_at)
    found = 0
    for row in range(0, rows, step):
        at = rowptr[row] + np.searchsorted(col[rowptr[row] : rowptr[row + 1]], row)
        found += at < rowptr[row + 1] and col[at] == row
    return 2 * found > -(-rows // step)


@cache
def _compiled(width: int, form: int, asked: tuple[int, int], offsets: str) -> Callable[..., None]:
    """Return the loop over rows for a tile of `width` features, compiled for contiguous arrays.

    `asked` says how many rows before its turn the dense row of the diagonal is asked for, and how many non-zeros before theirs all
    others. Sampling keeps few columns, whose dense rows stay in the caches; the diagonal's is read once, and each row would wait
    for it (docs/how-it-works/cpu-kernels.md).
    """
    ahead, fetch = asked
    revision = emitted.REVISION
    size = 2 if form & (BF16 | F16) else 8 if form & F64 else 4
    lines = width * size // LINE_BYTES + 1

    one = np.float64(1) if form & F64 else np.float32(1)

    def run(parts, rowptr, col, value, factor, dense, result, placed):  # type: ignore[no-untyped-def] # noqa: PLR0913
        if revision < 0:  # never: what is kept on disk is kept by what this refers to
            return
        start, order = placed
        stride = np.int64(dense.shape[1] * size)
        source = dense.ctypes.data + np.uint64(start * size)
        target = result.ctypes.data + np.uint64(start * size)
        for part in numba.prange(len(parts)):
            for at in range(parts[part, 0], parts[part, 1]):
                row = np.int64(order[at]) if len(order) else at
                if ahead:
                    later = np.int64(order[min(at + ahead, len(order) - 1)]) if len(order) else at + ahead
                    for line in range(lines):
                        prefetch(source + np.uint64(later * stride + line * LINE_BYTES))  # type: ignore[call-arg]
                first, last = np.int64(rowptr[at]), np.int64(rowptr[at + 1])
                scale = factor[row] if form & FACTORED else one
                nonzeros = (col.ctypes.data, value.ctypes.data, first, last, scale, np.int64(len(col)))
                place = target + np.uint64(row * stride)
                row_product(width, form, fetch, nonzeros, (source, stride), place)  # type: ignore[call-arg]
            store_fence()  # type: ignore[call-arg]

    real = numba.float64 if form & F64 else numba.float32
    dense = numba.int16[:, ::1] if form & (BF16 | F16) else real[:, ::1]
    floats, placed = real[::1], numba.types.Tuple([numba.int64, numba.int32[::1]])  # type: ignore[no-untyped-call]
    signature = numba.void(numba.int64[:, ::1], _OFFSETS[offsets], numba.int32[::1], floats, floats, dense, dense, placed)
    compiled: Callable[..., None] = numba.njit(signature, parallel=True, cache=True)(run)
    return compiled


_ROWS = RowsNumba()

KERNEL = Kernel(
    name="rows_numba",
    device="cpu",
    summary="Ours: one row at a time with its sums in vector registers, rows shared out by their non-zeros; results from a pool.",
    prepare=_ROWS.prepare,
    prepare_sampled=_ROWS.prepare_sampled,
    role="ours",
    separable=True,
    tune=_ROWS.tune,
)
