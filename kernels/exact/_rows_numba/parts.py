"""Cuts the rows of a matrix into parts of equal cost, one after the other for each thread; a row that is longer is cut itself."""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np

PARTS_PER_THREAD = 4
ROW_COST = 8
"""A row costs its store and its loop, which was measured at about as much as this many non-zeros."""
SMALLEST_HUB = 1 << 14
"""Non-zeros below which no row is cut: a start of the threads costs about as much."""


@dataclass(frozen=True)
class Hub:
    """A row that is cut, so that all threads work on it."""

    row: int
    rowptr: np.ndarray
    """(pieces + 1,): where each piece starts, in the dtype of the matrix's own."""
    ranges: np.ndarray
    """(pieces, 2), int64: the pieces as rows, one a part."""

    @property
    def pieces(self) -> int:
        """In how many it is cut."""
        return len(self.ranges)


@dataclass(frozen=True)
class Parts:
    """What threads share out."""

    ranges: np.ndarray
    """(parts, 2), int64: first row and the one behind the last; hubs are in none."""
    hubs: tuple[Hub, ...] = ()


def of(rowptr: np.ndarray, threads: int) -> Parts:
    """Return the parts of a matrix with these offsets.

    Args:
        rowptr: (rows + 1,), int32 or int64.
        threads: that share the parts.
    """
    count = threads * PARTS_PER_THREAD
    cuts = _cuts(rowptr, count)
    hubs = _hubs(rowptr, cuts, max(SMALLEST_HUB, int(rowptr[-1]) // count)) if threads > 1 else cuts[:0]
    if not len(hubs):
        return Parts(np.stack([cuts[:-1], cuts[1:]], 1))
    edges = np.unique(np.concatenate([_cuts(_without(rowptr, hubs), count), hubs, hubs + 1]))
    ranges = np.stack([edges[:-1], edges[1:]], 1)
    return Parts(ranges[~np.isin(edges[:-1], hubs)], tuple(_hub(rowptr, int(row), count) for row in hubs))


def _hubs(rowptr: np.ndarray, cuts: np.ndarray, most: int) -> np.ndarray:
    """Return the rows that have more than `most` non-zeros: a cut that falls into a row is put behind it."""
    rows = np.unique(cuts[cuts > 0] - 1)
    hubs: np.ndarray = rows[rowptr[rows + 1] - rowptr[rows] > most]
    return hubs


def _without(rowptr: np.ndarray, hubs: np.ndarray) -> np.ndarray:
    """Return the offsets as they were if hubs had no non-zeros."""
    lengths = np.diff(rowptr)
    lengths[hubs] = 0
    return np.concatenate([np.zeros(1, rowptr.dtype), np.cumsum(lengths, dtype=rowptr.dtype)])


@numba.njit([numba.int64[::1](offsets, numba.int64) for offsets in (numba.int32[::1], numba.int64[::1])], cache=True)
def _cuts(rowptr, count):  # type: ignore[no-untyped-def]
    """Return (count + 1,): the rows at which the work is cut into parts of equal cost."""
    rows = len(rowptr) - 1
    cuts = np.empty(count + 1, np.int64)
    total = rowptr[rows] + rows * ROW_COST
    for part in range(count + 1):
        share = total * part // count
        low, high = 0, rows
        while low < high:
            middle = (low + high) // 2
            if rowptr[middle] + middle * ROW_COST < share:
                low = middle + 1
            else:
                high = middle
        cuts[part] = low
    return cuts


def _hub(rowptr: np.ndarray, row: int, count: int) -> Hub:
    first, last = int(rowptr[row]), int(rowptr[row + 1])
    starts = np.linspace(first, last, count + 1).astype(rowptr.dtype)
    each = np.arange(count, dtype=np.int64)
    return Hub(row, starts, np.stack([each, each + 1], 1))
