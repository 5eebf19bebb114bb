"""Compaction on a CPU by gathering the kept columns from the transpose.

Training keeps the transpose anyway, and gathering reads only what is kept: at a budget of 0.1 a tenth of the column indices,
twice, where a mask over all of them reads every one twice (measured: docs/how-it-works/cpu-kernels.md). Threads own ranges of
result rows, and where each column enters each range is looked up once, when preparing; so no two threads write one place.
"""

from __future__ import annotations

from functools import cached_property

import numba
import numpy as np
import torch

from rsc_bench.kernels.csr import Csr, Scaling
from rsc_bench.kernels.prefetch import prefetch
from rsc_bench.kernels.sampled.selections import Kept

_NONE = np.empty(0, np.float32)
_AHEAD = 8
"""Columns between asking for memory and reading it: a slice takes about a tenth of what memory takes to answer."""
_A_LINE, _MOST_LINES = 16, 16
"""Entries of a cache line, and lines of a column that are asked for: behind these the hardware has seen what comes next."""


class Compaction:
    """Drops columns of one matrix; keeps the transpose, and columns x (parts + 1) places in it."""

    def __init__(self, matrix: Csr, whole_diagonal: bool = False, separable: bool = False) -> None:
        """Look up where columns enter parts, and compile.

        Args:
            matrix: what columns are dropped from.
            whole_diagonal: every entry on the diagonal stays, and stays what it is, whatever is dropped and scaled.
            separable: results have a scaling in place of values where that can be.
        """
        self._matrix = matrix
        self._separable = separable and matrix.entries is None
        columns = matrix.transpose()
        offsets, self._rows = columns.rowptr.numpy(), columns.col.numpy().view(np.uint32)
        self._parts = _parts(matrix.rowptr.numpy())
        self._entry = _entry_points(offsets, self._rows, self._parts)
        self._loops = _diagonal_places(offsets, self._rows) if whole_diagonal else np.empty((0, 2), offsets.dtype)
        self(Kept(torch.zeros(matrix.shape[1], dtype=torch.bool)))

    def __call__(self, kept: Kept) -> Csr:
        """Return ``matrix @ diag(kept.weights)`` without the dropped entries."""
        # An entry that stays unscaled in a scaled column is a value that no factor a column makes.
        separable = self._separable and (kept.scale is None or not len(self._loops))
        value, scale = (_NONE, _NONE) if separable else (self._value, _NONE if kept.scale is None else kept.scale.numpy())
        mask = kept.mask.numpy()
        chosen = mask, _numbers(mask), scale
        rowptr, col, weight = _gather(chosen, (self._rows, value), (self._entry, self._parts), self._loops)
        entries = torch.from_numpy(weight) if len(value) or len(scale) else None
        offsets = torch.from_numpy(rowptr).to(self._matrix.rowptr.dtype)
        scaling = self._scaling(kept.scale) if separable else None
        return Csr.trusted(offsets, torch.from_numpy(col), entries, self._matrix.shape, self._matrix.name, scaling)

    def _scaling(self, scale: torch.Tensor | None) -> Scaling | None:
        whole = self._matrix.scaling
        return whole if scale is None else (whole or Scaling()).by_columns(scale)

    @cached_property
    def _value(self) -> np.ndarray:
        """(nnz,), float32, or float64 where they are that: values in the order of the transpose, empty where all are one."""
        value = self._matrix.transpose().value
        if value is None:
            return _NONE
        value = value.detach()
        return (value if value.dtype is torch.float64 else value.float()).numpy()


def _parts(rowptr: np.ndarray) -> np.ndarray:
    """Return the rows at which the result is cut into one part a thread, of about equal numbers of non-zeros."""
    cuts = np.searchsorted(rowptr, np.linspace(0, rowptr[-1], numba.get_num_threads() + 1)).astype(np.uint32)
    cuts[0], cuts[-1] = 0, len(rowptr) - 1
    return cuts


@numba.njit(cache=True)
def _entry_points(offsets, rows, parts):  # type: ignore[no-untyped-def]
    """Return (columns, parts + 1): where in each column the first entry of each part stands."""
    entry = np.empty((len(offsets) - 1, len(parts)), offsets.dtype)
    for column in range(len(offsets) - 1):
        first, last = offsets[column], offsets[column + 1]
        for part in range(len(parts)):
            entry[column, part] = first + np.searchsorted(rows[first:last], parts[part])
    return entry


@numba.njit(cache=True)
def _diagonal_places(offsets, rows):  # type: ignore[no-untyped-def]
    """Return (columns, 2): where in each column the entries on the diagonal begin and end."""
    places = np.empty((len(offsets) - 1, 2), offsets.dtype)
    for column in range(len(offsets) - 1):
        first, last = offsets[column], offsets[column + 1]
        places[column, 0] = first + np.searchsorted(rows[first:last], column)
        places[column, 1] = first + np.searchsorted(rows[first:last], column, side="right")
    return places


@numba.njit(cache=True)
def _numbers(mask):  # type: ignore[no-untyped-def]
    """Return the numbers of the kept columns, uint32, ascending: half the time of numpy's, with no pass to convert them."""
    numbers = np.empty(len(mask), np.uint32)
    count = 0
    for column in range(len(mask)):
        numbers[count] = column
        count += mask[column]
    return numbers[:count]


@numba.njit(inline="always")
def _ask_ahead(entry, ids, at, part, data):  # type: ignore[no-untyped-def]
    """Prefetch what the column `_AHEAD` places on will read, and where it will look that up a little before.

    Kept columns lie far apart in memory, so no hardware prefetcher sees the next one coming.
    """
    if at + 2 * _AHEAD < len(ids):
        prefetch(entry.ctypes.data + np.uint64(ids[at + 2 * _AHEAD]) * np.uint64(entry.itemsize * entry.shape[1]))  # type: ignore[call-arg]
    if at + _AHEAD < len(ids):
        column = ids[at + _AHEAD]
        first, last = entry[column, part], min(entry[column, part + 1], entry[column, part] + _MOST_LINES * _A_LINE)
        for each in range(first, last, _A_LINE):
            prefetch(data.ctypes.data + np.uint64(each) * np.uint64(4))  # type: ignore[call-arg]
        prefetch(data.ctypes.data + np.uint64(last) * np.uint64(4))  # type: ignore[call-arg]


@numba.njit  # not inlined as the above: it runs once for a thread's rows, and a copy at each call is compiled each time
def _in_order(ids, first, last, loops):  # type: ignore[no-untyped-def]
    """Return the columns with an entry in the rows from `first` on, before `last`, ascending.

    Those are the kept ones `ids`, and where the diagonal stays all that have it in these rows.
    """
    if not len(loops):
        return ids
    before, after = np.searchsorted(ids, first), np.searchsorted(ids, last)
    return np.concatenate((ids[:before], np.arange(np.int64(first), np.int64(last)).astype(np.uint32), ids[after:]))


@numba.njit
def _add_up(counts):  # type: ignore[no-untyped-def]
    """Make counts into their sums up to each of them, in place."""
    for at in range(1, len(counts)):
        counts[at] += counts[at - 1]


@numba.njit(parallel=True, cache=True)
def _gather(kept, entries, places, loops):  # type: ignore[no-untyped-def]
    """Return rowptr, col and value of what is kept as CSR; columns are taken in ascending order, so each row's ascend."""
    mask, ids, scale = kept
    rows, value = entries
    entry, parts = places
    # Counted two places on and added up, so that what stands one place on is where the row's next entry goes, and its end at last.
    rowptr = np.zeros(parts[-1] + 2, entry.dtype)
    for part in numba.prange(len(parts) - 1):
        columns = _in_order(ids, parts[part], parts[part + 1], loops)
        for index in range(len(columns)):
            column = columns[index]
            if mask[column]:
                _ask_ahead(entry, columns, index, part, rows)
                for at in range(entry[column, part], entry[column, part + 1]):
                    rowptr[np.uint64(rows[at]) + np.uint64(2)] += 1
            else:
                rowptr[np.uint64(column) + np.uint64(2)] += loops[column, 1] - loops[column, 0]
    _add_up(rowptr)
    weighted = len(value) > 0 or len(scale) > 0
    col = np.empty(rowptr[-1], np.int32)
    weight = np.empty(rowptr[-1] if weighted else 0, value.dtype)
    for part in numba.prange(len(parts) - 1):
        columns = _in_order(ids, parts[part], parts[part + 1], loops)
        for index in range(len(columns)):
            column = columns[index]
            taken = mask[column]
            if taken and len(value):
                _ask_ahead(entry, columns, index, part, value)
            start, end = (entry[column, part], entry[column, part + 1]) if taken else (loops[column, 0], loops[column, 1])
            for at in range(start, end):
                row = np.uint64(rows[at] if taken else column)
                place = np.uint64(rowptr[row + np.uint64(1)])
                rowptr[row + np.uint64(1)] += 1
                col[place] = column
                if weighted:
                    looped = len(loops) > 0 and row == column
                    factor = scale[column] if len(scale) and not looped else np.float32(1)
                    weight[place] = factor * value[at] if len(value) else factor
    return rowptr[:-1], col, weight
