"""The top-scoring pairs that fit a number of non-zeros, on a CPU, in all threads and without sorting them all."""

from __future__ import annotations

import numba
import numpy as np

from rsc_bench.kernels.sampled.selections import SMALL_REST

# A non-negative float32 is ordered by its 31 bits: first by the leading 12, then by 12 more, then by the rest. Each time only
# the pairs that share the bits of the last pair that fits are looked at again; the few that are left are sorted.
_BINS = 1 << 12
_SHIFTS = (19, 7)
_LAST_BIN = np.uint32(_BINS - 1)
_NO_SIGN = np.uint32(0x7FFFFFFF)


def top_that_fit(scores: np.ndarray, pair_nnz: np.ndarray, most_nnz: int) -> np.ndarray:
    """Return the (pairs,) bool mask that ``selections.affordable`` finds, from the highest score down.

    Args:
        scores: (pairs,) float32, not negative. NaN ranks first, so that it reaches the product and is seen.
        pair_nnz: (pairs,) int64.
        most_nnz: the non-zeros that may be spent.
    """
    bits = scores.view(np.uint32)
    mask, rest = _prefix(bits, pair_nnz, most_nnz)
    if rest * SMALL_REST > most_nnz:
        small = _left_out(bits, pair_nnz, mask, rest)
        mask[small], _ = _prefix(bits[small], pair_nnz[small], rest)
    return mask


def _prefix(bits: np.ndarray, pair_nnz: np.ndarray, most_nnz: int) -> tuple[np.ndarray, int]:
    """Return the mask of the longest run of highest scores that fits, and the non-zeros that are left."""
    mask, edge, left = _whole_bins(bits, pair_nnz, most_nnz, _SHIFTS[0], numba.get_num_threads())
    for shift in _SHIFTS[1:]:
        inner, finer, left = _whole_bins(bits[edge], pair_nnz[edge], left, shift, 1)
        mask[edge] = inner
        edge = edge[finer]
    order = edge[np.argsort(bits[edge] & _NO_SIGN)[::-1]]
    spent = np.cumsum(pair_nnz[order])
    fits = spent <= left
    mask[order] = fits
    return mask, int(left - spent[fits].max(initial=0))


@numba.njit(cache=True, parallel=True)
def _whole_bins(bits, pair_nnz, most, shift, parts):  # type: ignore[no-untyped-def]
    """Return the mask of the bins that fit whole, the pairs of the first bin that does not, and the non-zeros left for it."""
    cuts = np.arange(parts + 1) * len(bits) // parts
    cost = np.zeros((parts, _BINS), np.int64)
    for part in numba.prange(parts):
        own = slice(cuts[part], cuts[part + 1])
        _add_costs(bits[own], pair_nnz[own], shift, cost[part])
    whole = cost.sum(0)
    last, left = _BINS, most
    while last > 0 and whole[last - 1] <= left:
        last -= 1
        left -= whole[last]
    mask = np.empty(len(bits), np.bool_)
    edge = np.empty(len(bits), np.int64)
    counts = np.empty(parts, np.int64)
    for part in numba.prange(parts):
        own = slice(cuts[part], cuts[part + 1])
        counts[part] = _take(bits[own], (shift, last), mask[own], edge[own])
    return mask, edge[: _close_up(edge, cuts, counts)], left


# Functions of their own, on slices: written out in the loops over threads the same takes twice as long.


@numba.njit
def _add_costs(bits, pair_nnz, shift, cost):  # type: ignore[no-untyped-def]
    """Add each pair's non-zeros to its bin."""
    for pair in range(len(bits)):
        cost[((bits[pair] & _NO_SIGN) >> np.uint32(shift)) & _LAST_BIN] += pair_nnz[pair]


@numba.njit
def _take(bits, bins, mask, edge):  # type: ignore[no-untyped-def]
    """Mask the pairs of the bins from the last that fits on, write down those of the bin before it; return how many these are."""
    shift, last = np.uint32(bins[0]), bins[1]
    count = 0
    for pair in range(len(bits)):
        place = np.int64(((bits[pair] & _NO_SIGN) >> shift) & _LAST_BIN)
        mask[pair] = place >= last
        edge[count] = pair  # in any case, and counted where it is one: there is no branch to be guessed wrong
        count += place == last - 1
    return count


@numba.njit  # not in the function above, whose threads would overwrite what others have not read yet
def _close_up(edge, cuts, counts):  # type: ignore[no-untyped-def]
    """Put what each part has written down behind each other, as numbers of the whole; return how many there are."""
    found = 0
    for part in range(len(counts)):
        for at in range(cuts[part], cuts[part] + counts[part]):
            edge[found] = edge[at] + cuts[part]
            found += 1
    return found


@numba.njit(cache=True)
def _left_out(bits, pair_nnz, mask, most):  # type: ignore[no-untyped-def]
    """Return the pairs outside of the mask that have a score and at most so many non-zeros."""
    small = np.empty(len(bits), np.int64)
    count = 0
    for pair in range(len(bits)):
        small[count] = pair
        count += (not mask[pair]) & (pair_nnz[pair] <= most) & ((bits[pair] & _NO_SIGN) > 0)
    return small[:count]
