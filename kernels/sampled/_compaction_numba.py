"""Compaction on a CPU by gathering the kept columns from the transpose.

Training holds the transpose anyway, and gathering reads only what is kept: at a budget of 0.1 a tenth of the column indices,
twice, where a mask over all of them reads every one twice (measured: docs/decisions/compaction.md). Threads own ranges of
result rows, and where each column enters each range is looked up once, when preparing; so no two threads write one place.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import torch
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from kernels.csr import Csr
from kernels.sampled.selection import Kept

_NONE = np.empty(0, np.float32)
_AHEAD = 8
"""Columns between asking for memory and reading it: a slice takes about a tenth of what memory takes to answer."""


class Compaction:
    """Drops columns of one matrix; holds the transpose, and columns x (parts + 1) places in it."""

    def __init__(self, matrix: Csr) -> None:
        columns = matrix.transpose()
        self._rows = columns.col.numpy().view(np.uint32)
        self._value = _NONE if columns.value is None else columns.value.float().numpy()
        self._parts = _parts(matrix.rowptr.numpy())
        self._entry = _entry_points(columns.rowptr.long().numpy(), self._rows, self._parts)
        self._shape, self._name, self._index = matrix.shape, matrix.name, matrix.rowptr.dtype

    def __call__(self, kept: Kept) -> Csr:
        """Return ``matrix @ diag(kept.weights)`` without the dropped entries."""
        scale = _NONE if kept.scale is None else kept.scale.numpy()
        ids = np.flatnonzero(kept.mask.numpy()).astype(np.uint32)
        rowptr, col, weight = _gather(ids, (self._entry, self._parts), (self._rows, self._value), scale)
        value = torch.from_numpy(weight) if len(self._value) or len(scale) else None
        return Csr(torch.from_numpy(rowptr).to(self._index), torch.from_numpy(col), value, self._shape, self._name)


def _parts(rowptr: np.ndarray) -> np.ndarray:
    """Return the rows at which the result is cut into one part a thread, of about equal numbers of non-zeros."""
    cuts = np.searchsorted(rowptr, np.linspace(0, rowptr[-1], numba.get_num_threads() + 1)).astype(np.uint32)
    cuts[0], cuts[-1] = 0, len(rowptr) - 1
    return cuts


@numba.njit(cache=True)
def _entry_points(offsets, rows, parts):  # type: ignore[no-untyped-def]
    """Return (columns, parts + 1): where in each column the first entry of each part stands."""
    entry = np.empty((len(offsets) - 1, len(parts)), np.int64)
    for column in range(len(offsets) - 1):
        first, last = offsets[column], offsets[column + 1]
        for part in range(len(parts)):
            entry[column, part] = first + np.searchsorted(rows[first:last], parts[part])
    return entry


@intrinsic
def _prefetch(context: Any, address: Any) -> Any:
    """Ask for the cache line at an address, and do not wait for it."""
    del context, address

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        del signature
        pointer, i32 = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [pointer, i32, i32, i32])
        ask = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")  # type: ignore[no-untyped-call]
        builder.call(ask, [builder.inttoptr(args[0], pointer), i32(0), i32(3), i32(1)])  # to read, keep in every cache, data
        return context.get_dummy_value()

    return types.void(types.uintp), generate


@numba.njit(inline="always")
def _ask_ahead(entry, ids, at, part, data):  # type: ignore[no-untyped-def]
    """Prefetch what the column `_AHEAD` places on will read, and where it will look that up a little before.

    Kept columns lie far apart in memory, so no hardware prefetcher sees the next one coming.
    """
    if at + 2 * _AHEAD < len(ids):
        _prefetch(entry.ctypes.data + np.uint64(ids[at + 2 * _AHEAD]) * np.uint64(8 * entry.shape[1]))  # type: ignore[call-arg]
    if at + _AHEAD < len(ids):
        line = data.ctypes.data + np.uint64(entry[ids[at + _AHEAD], part]) * np.uint64(4)
        _prefetch(line)  # type: ignore[call-arg]
        _prefetch(line + np.uint64(64))


@numba.njit(parallel=True, cache=True)
def _gather(ids, places, entries, scale):  # type: ignore[no-untyped-def]
    """Return rowptr, col and value of the kept columns `ids` as CSR; ids ascend, so do the columns of each row."""
    entry, parts = places
    rows, value = entries
    rowptr = np.zeros(parts[-1] + 1, np.int64)
    for part in numba.prange(len(parts) - 1):
        for index in range(len(ids)):
            _ask_ahead(entry, ids, index, part, rows)
            for at in range(entry[ids[index], part], entry[ids[index], part + 1]):
                rowptr[np.uint64(rows[at]) + np.uint64(1)] += 1
    rowptr = np.cumsum(rowptr)
    weighted = len(value) > 0 or len(scale) > 0
    col = np.empty(rowptr[-1], np.int32)
    weight = np.empty(rowptr[-1] if weighted else 0, np.float32)
    for part in numba.prange(len(parts) - 1):
        first = np.uint64(parts[part])
        target = rowptr[first : parts[part + 1]].copy()
        for index in range(len(ids)):
            if len(value):
                _ask_ahead(entry, ids, index, part, value)
            column = ids[index]
            factor = scale[column] if len(scale) else np.float32(1)
            for at in range(entry[column, part], entry[column, part + 1]):
                row = np.uint64(rows[at]) - first
                place = np.uint64(target[row])
                target[row] += 1
                col[place] = column
                if weighted:
                    weight[place] = factor * value[at] if len(value) else factor
    return rowptr, col, weight
