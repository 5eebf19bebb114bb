"""The top-scoring pairs that fit a number of non-zeros, on a CPU, without sorting them all."""

from __future__ import annotations

import numba
import numpy as np

from rsc_bench.kernels.sampled.selections import SMALL_REST

# Of the 31 bits of a non-negative float32, the leading 12 order it up to about 6 %; only pairs that share those of the
# last pair that fits are sorted.
_SHIFT = 19
_BINS = 1 << (31 - _SHIFT)


def top_that_fit(scores: np.ndarray, pair_nnz: np.ndarray, most_nnz: int) -> np.ndarray:
    """Return the (pairs,) bool mask that ``selections.affordable`` finds, from the highest score down.

    Args:
        scores: (pairs,) float32, not negative. NaN ranks first, so that it reaches the product and is seen.
        pair_nnz: (pairs,) int64.
        most_nnz: the non-zeros that may be spent.
    """
    bits = scores.view(np.uint32) & np.uint32(0x7FFFFFFF)
    mask, rest = _prefix(bits, pair_nnz, most_nnz)
    if rest * SMALL_REST > most_nnz:
        small = np.flatnonzero(~mask & (pair_nnz <= rest) & (bits > 0))
        mask[small], _ = _prefix(bits[small], pair_nnz[small], rest)
    return mask


def _prefix(bits: np.ndarray, pair_nnz: np.ndarray, most_nnz: int) -> tuple[np.ndarray, int]:
    """Return the mask of the longest run of highest scores that fits, and the non-zeros that are left."""
    mask, edge, left = _whole_bins(bits, pair_nnz, most_nnz)
    order = edge[np.argsort(bits[edge])[::-1]]
    spent = np.cumsum(pair_nnz[order])
    fits = spent <= left
    mask[order] = fits
    return mask, int(left - spent[fits].max(initial=0))


@numba.njit(cache=True)
def _whole_bins(bits, pair_nnz, most):  # type: ignore[no-untyped-def]
    """Return the mask of the bins that fit whole, the pairs of the first bin that does not, and the non-zeros left for it."""
    cost = np.zeros(_BINS, np.int64)
    for pair in range(len(bits)):
        cost[bits[pair] >> _SHIFT] += pair_nnz[pair]
    last, left = _BINS, most
    while last > 0 and cost[last - 1] <= left:
        last -= 1
        left -= cost[last]
    mask = np.empty(len(bits), np.bool_)
    edge = np.empty(len(bits), np.int64)
    count = 0
    for pair in range(len(bits)):
        at = np.int64(bits[pair] >> _SHIFT)
        mask[pair] = at >= last
        edge[count] = pair
        count += at == last - 1
    return mask, edge[:count], left
