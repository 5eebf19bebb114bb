"""Puts rows with equally many non-zeros beside each other, a block at a time, where rows are short.

A processor guesses how often a row's loop runs. Of short rows of any length it guesses wrong in about every second one, which
takes as long as several non-zeros of a narrow dense row (docs/how-it-works/cpu-kernels.md). Rows stay within their block, so that
what they share of the dense operand is still in the caches, and results are written close to each other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np

BLOCK = 256
_MOST_NNZ = 16
"""Non-zeros a row from which on, on the average, loops are long enough: also the number of lengths that are told apart."""
_MOST_BYTES, _MOST_BYTES_OF_LOOPS = 256, 128
"""Of a dense row: wider ones take the time themselves, and where each row reads that of its own number, the order counts."""
AS_THEY_ARE = np.empty(0, np.int32)
"""The order of rows that are not grouped."""


@dataclass(frozen=True)
class Rows:
    """A CSR whose rows are multiplied in another order."""

    rowptr: np.ndarray
    """(rows + 1,): where the non-zeros of the row that is multiplied first, second ... start."""
    col: np.ndarray
    """(nnz,), int32."""
    value: np.ndarray
    """(nnz,), one a non-zero; or none, or one a column."""
    order: np.ndarray
    """(rows,), int32: the row that is multiplied first, second ...; empty: rows are multiplied as they are numbered."""


def worth(rowptr: np.ndarray, value: np.ndarray, row_bytes: int, loops: bool) -> bool:
    """Return whether grouping pays: rows are short and their products narrow; `loops`: most rows have their diagonal entry.

    Offsets of int64 and values of float64 are left as they are: both are rare, and code for each takes seconds to compile.
    """
    if rowptr.dtype != np.int32 or value.dtype != np.float32:
        return False
    return 0 < int(rowptr[-1]) <= (len(rowptr) - 1) * _MOST_NNZ and row_bytes <= (_MOST_BYTES_OF_LOOPS if loops else _MOST_BYTES)


def group(rowptr: np.ndarray, col: np.ndarray, value: np.ndarray, ranges: np.ndarray) -> Rows:
    """Return the rows of a matrix, grouped.

    Args:
        rowptr: (rows + 1,), int32.
        col: (nnz,), int32.
        value: (nnz,), float32: one a non-zero; or none.
        ranges: (parts, 2), int64: the rows that threads share out, all of them; a block lies in one part.
    """
    return Rows(*_grouped(rowptr, col, value, ranges))


@numba.njit
def _group_block(rows, grouped, numbers, places):  # type: ignore[no-untyped-def]
    """Group the rows from the first number on, before the second; by a counting sort in `places`."""
    rowptr, col, value = rows
    starts, columns, values, order = grouped
    first, last = numbers
    most = len(places) - 2
    places[:] = 0
    for row in range(first, last):
        places[np.uint64(min(rowptr[row + 1] - rowptr[row], most)) + np.uint64(1)] += 1
    for length in range(most):
        places[length + 1] += places[length]
    for row in range(first, last):
        kind = np.uint64(min(rowptr[row + 1] - rowptr[row], most))
        order[np.uint64(first + places[kind])] = row
        places[kind] += 1
    at = rowptr[first]
    for place in range(first, last):
        starts[place] = at
        row = order[place]
        for entry in range(rowptr[row], rowptr[row + 1]):
            columns[np.uint64(at)] = col[np.uint64(entry)]
            if len(values):
                values[np.uint64(at)] = value[np.uint64(entry)]
            at += 1


@numba.njit([(numba.int32[::1], numba.int32[::1], numba.float32[::1], numba.int64[:, ::1])], parallel=True, cache=True)
def _grouped(rowptr, col, value, ranges):  # type: ignore[no-untyped-def]
    starts, columns, values = np.empty_like(rowptr), np.empty_like(col), np.empty_like(value)
    order = np.empty(len(rowptr) - 1, np.int32)
    starts[-1] = rowptr[-1]
    for part in numba.prange(len(ranges)):
        places = np.empty(_MOST_NNZ + 2, np.int64)
        for first in range(ranges[part, 0], ranges[part, 1], BLOCK):
            last = min(first + BLOCK, ranges[part, 1])
            _group_block((rowptr, col, value), (starts, columns, values, order), (first, last), places)
    return starts, columns, values, order
