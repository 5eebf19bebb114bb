"""Shares a budget out as the authors' code does, which is not quite as their paper says (RSC, Algorithm 1)."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from rsc_bench.kernels.rsc.allocations import Allocation, Frontier, LayerCost, frontier
from rsc_bench.kernels.sampled.compose import check_budget

STEP = 0.02
"""Share of a layer's pairs that one step takes, and the share at which a layer ends."""
LEAST_PAIRS = 10


def allocate(layers: Sequence[LayerCost], budget: float) -> list[int]:
    """Return k of each layer, as the authors' code finds it; together they may cost more than the budget.

    A layer starts with as many pairs as have a score. Steps of 0.02 * N pairs are taken from the layer that each hurts least, until
    the budget holds, or until the next step is that of a layer with 2 % of its pairs left: then it ends, whatever has been spent.
    """
    check_budget(budget)
    if budget == 1:
        return [len(layer.scores) for layer in layers]
    frontiers = [frontier(layer) for layer in layers]
    ratios = [int((layer.scores != 0).sum()) / max(len(layer.scores), 1) for layer in layers]
    limit = budget * sum(float(each.flops[-1]) for each in frontiers)
    spent = sum(_between(each.flops, each, 0.0, ratio) for each, ratio in zip(frontiers, ratios, strict=True))
    while spent > limit:
        losses = [-_between(each.error, each, ratio - STEP, ratio) for each, ratio in zip(frontiers, ratios, strict=True)]
        layer = min(range(len(losses)), key=losses.__getitem__)
        if ratios[layer] <= STEP:
            break
        spent -= _between(frontiers[layer].flops, frontiers[layer], ratios[layer] - STEP, ratios[layer])
        ratios[layer] -= STEP
    return [min(max(int(each.pairs * ratio), LEAST_PAIRS), each.pairs) for each, ratio in zip(frontiers, ratios, strict=True)]


def _between(curve: torch.Tensor, layer: Frontier, low: float, high: float) -> float:
    """Return how much `curve` rises from one share of the pairs to another; a share below zero is none."""
    first, last = (int(layer.pairs * max(share, 0.0)) for share in (low, high))
    return float(curve[last] - curve[first])


ALLOCATION = Allocation(
    "published",
    "As the authors' code: in steps down to 2 % of a layer's pairs, also where that spends more than the budget.",
    allocate,
    keeps_budget=False,
)
