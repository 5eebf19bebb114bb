"""Shares a budget out by worth per FLOP: one global sort of the layers' frontiers, as in a fractional knapsack."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import isotonic_regression

from rsc_bench.kernels.rsc.allocations import FLOOR, Allocation, Frontier, LayerCost, flops_limit, frontier
from rsc_bench.kernels.rsc.allocations.greedy import take_steps


@dataclass(frozen=True, eq=False)
class Hull:
    """The corners of the lower convex hull of a layer's error over its FLOPs."""

    k: np.ndarray
    """(segments + 1,), int64: pairs kept at each corner."""
    flops: np.ndarray
    """(segments,), int64: what each segment costs."""
    worth: np.ndarray
    """(segments,), float64, strictly falling: error that each segment saves per FLOP."""


def allocate(layers: Sequence[LayerCost], budget: float) -> list[int]:
    """Return k of each layer such that the summed error is as small as the budget allows, within one hull segment.

    A layer keeps its highest scores, and a high score may be dear, so a layer's error does not fall ever more slowly with
    its cost. The hull of that curve does, and taking its segments by worth per FLOP over all layers is the fractional
    knapsack: each time a segment fits, no allocation at all of the same cost has less error. The first segment that does not
    fit ends it; what is left goes to the layer whose next pairs save most, and where the steps of `greedy` happen to use the
    budget better, they stand.

    All of it on what lies beyond the layers' minima (`FLOOR`), which the paper does not have: a hull starts at a minimum, and
    what is set aside for one is spent.

    So the error is never above that of `greedy`, and above the best possible by less than that one segment would have saved.
    It does not rise with the budget but where a minimum that grew lets its segment overtake another: seldom, in layers of a
    few pairs, and by less than a segment saves (docs/how-it-works/method.md). Where layers tie exactly in worth per FLOP, the
    earlier one comes first. O(N log N).
    """
    frontiers = [_on_host(frontier(layer)) for layer in layers]
    limit = flops_limit(sum(int(each.flops[-1]) for each in frontiers), budget)
    aside = [each.share(FLOOR * budget) for each in frontiers]
    least = [int(each.within(flops)) for each, flops in zip(frontiers, aside, strict=True)]
    rest = [_beyond(each, k, int(flops)) for each, k, flops in zip(frontiers, least, aside, strict=True)]
    greedy = [k - start for k, start in zip(take_steps(frontiers, budget), least, strict=True)]
    best = min([*_filled(rest, limit - sum(map(int, aside))), greedy], key=lambda k: _error(rest, k))
    return [start + k for start, k in zip(least, best, strict=True)]


def _beyond(curve: Frontier, least: int, aside: int) -> Frontier:
    """Return the frontier beyond a layer's minimum, over the FLOPs beyond those set aside for it."""
    return Frontier(curve.error[least:], (curve.flops[least:] - aside).clamp(min=0))


def _filled(frontiers: Sequence[Frontier], limit: int) -> list[list[int]]:
    """Return k of each layer after whole segments, and the same with what is left given to each one of the layers."""
    whole = _whole_segments([_hull(each) for each in frontiers], limit)
    left = limit - sum(int(each.flops[k]) for each, k in zip(frontiers, whole, strict=True))
    return [whole, *(_extended(frontiers, whole, layer, left) for layer in range(len(frontiers)))]


def _hull(curve: Frontier) -> Hull:
    """Return the hull: isotonic regression of worth per FLOP pools exactly the pairs that lie under one segment of it."""
    error, flops = curve.error.numpy(), curve.flops.numpy()
    # A pair that costs nothing comes along with the one before it: corners lie where the cost is about to rise.
    k = np.append(np.flatnonzero(np.diff(flops)), curve.pairs)
    cost = np.diff(flops[k])
    if len(cost) == 0:
        return Hull(k, cost, np.empty(0))
    found = isotonic_regression(-np.diff(error[k]) / cost, weights=cost, increasing=False)
    corners = k[found.blocks]
    return Hull(corners, np.diff(flops[corners]), found.x[found.blocks[:-1]])


def _whole_segments(hulls: Sequence[Hull], limit: int) -> list[int]:
    """Return k of each layer after the segments of highest worth, up to the first that does not fit."""
    if not hulls:
        return []
    worth = np.concatenate([hull.worth for hull in hulls])
    # Stable: a layer's segments stay in order. The layers are sorted runs, which this sort merges.
    order = np.argsort(-worth, kind="stable")
    fit = np.searchsorted(np.concatenate([hull.flops for hull in hulls])[order].cumsum(), limit, side="right")
    layer_of = np.repeat(np.arange(len(hulls)), [len(hull.worth) for hull in hulls])
    counts = np.bincount(layer_of[order[:fit]], minlength=len(hulls))
    return [int(hull.k[count]) for hull, count in zip(hulls, counts, strict=True)]


def _extended(frontiers: Sequence[Frontier], k: list[int], layer: int, left: int) -> list[int]:
    """Return `k` with as many more pairs of one layer as `left` FLOPs pay for.

    Only one layer is extended: what several would do with the rest could save less with more budget.
    """
    flops = frontiers[layer].flops.numpy()
    longest = int(np.searchsorted(flops, flops[k[layer]] + left, side="right")) - 1
    return [*k[:layer], longest, *k[layer + 1 :]]


def _error(frontiers: Sequence[Frontier], k: list[int]) -> float:
    return sum(float(each.error[count]) for each, count in zip(frontiers, k, strict=True))


def _on_host(curve: Frontier) -> Frontier:
    return Frontier(curve.error.cpu(), curve.flops.cpu())


ALLOCATION = Allocation(
    "optimal", "Keeps what saves most error per FLOP, over all layers at once: a fractional knapsack.", allocate
)
