"""Shares a budget out in steps, each taken from the layer that it hurts least (RSC, Algorithm 1)."""

from __future__ import annotations

import heapq
from collections.abc import Sequence

import torch

from kernels.rsc.allocation import Allocation, Frontier, LayerCost, flops_limit, frontier

STEPS = 50
"""A step drops 1/50 of a layer's pairs: the paper's 0.02 * N."""


def allocate(layers: Sequence[LayerCost], budget: float) -> list[int]:
    """Return k of each layer after as many steps as the budget needs.

    Every layer starts with all its pairs; repeatedly the layer whose next 0.02 * N lowest scores add the least error loses
    them, the first of them where several tie. Which step comes next does not depend on the budget, so more budget undoes
    steps and never makes another choice. Up to one step of the budget stays unspent.
    """
    return take_steps([frontier(layer) for layer in layers], budget)


def take_steps(frontiers: Sequence[Frontier], budget: float) -> list[int]:
    """Return k of each layer after the fewest steps that leave no more FLOPs than the budget."""
    if not frontiers:
        return []
    errors, flops = _tables(frontiers)
    spent = sum(row[0] for row in flops)
    limit = flops_limit(spent, budget)
    taken = [0] * len(frontiers)
    next_steps = [(row[1] - row[0], layer) for layer, row in enumerate(errors)]
    heapq.heapify(next_steps)
    while spent > limit:
        layer = heapq.heappop(next_steps)[1]
        taken[layer] += 1
        step = taken[layer]
        spent -= flops[layer][step - 1] - flops[layer][step]
        if step < STEPS:
            heapq.heappush(next_steps, (errors[layer][step + 1] - errors[layer][step], layer))
    return [_kept(each.pairs, step) for each, step in zip(frontiers, taken, strict=True)]


def _kept(pairs: int, step: int) -> int:
    """Return how many pairs are left after a number of steps; nothing after the last."""
    return pairs - step * pairs // STEPS


def _tables(frontiers: Sequence[Frontier]) -> tuple[list[list[float]], list[list[float]]]:
    """Return error and FLOPs of each layer after 0 to 50 steps, read back from the device in one transfer.

    FLOPs as floats are exact below 2**53.
    """
    error, flops = [], []
    for each in frontiers:
        k = each.pairs - torch.arange(STEPS + 1, device=each.flops.device) * each.pairs // STEPS
        error.append(each.error[k])
        flops.append(each.flops[k].double())
    errors, costs = torch.stack([torch.stack(error), torch.stack(flops)]).tolist()
    return errors, costs


ALLOCATION = Allocation("greedy", "Takes from the layer that it hurts least, 2 % of its pairs at a time: the paper's.", allocate)
