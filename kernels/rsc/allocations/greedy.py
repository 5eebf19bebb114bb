"""Shares a budget out in steps, each taken from the layer that it hurts least (RSC, Algorithm 1)."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from rsc_bench.kernels.rsc.allocations import FLOOR, Allocation, Frontier, LayerCost, frontier
from rsc_bench.kernels.sampled.compose import check_budget

STEPS = 50
"""A step drops 1/50 of a layer's pairs: the paper's 0.02 * N."""


@dataclass(frozen=True)
class Table:
    """Every layer after 0 to 50 steps, as (layers, 51) each."""

    error: list[list[float]]
    """Of the steps as the paper has them: which comes next must not depend on the minimum, and so on the budget."""
    flops: list[list[float]]
    """FLOPs of what is left and at least those set aside for the layer's minimum; exact below 2**53."""
    k: list[list[float]]
    """Pairs left, and at least the minimum."""


def allocate(layers: Sequence[LayerCost], budget: float) -> list[int]:
    """Return k of each layer after as many steps as the budget needs.

    Every layer starts with all its pairs; repeatedly the layer whose next 0.02 * N lowest scores add the least error loses
    them, the first of them where several tie. Which step comes next does not depend on the budget, so more budget undoes
    steps and never makes another choice. Up to one step of the budget stays unspent.

    Unlike in the paper, steps end at a layer's minimum (`FLOOR`): the one that would pass it is cut there.
    """
    return take_steps([frontier(layer) for layer in layers], budget)


def take_steps(frontiers: Sequence[Frontier], budget: float) -> list[int]:
    """Return k of each layer after the fewest steps that leave no more FLOPs than the budget.

    A layer at its minimum counts with all that is set aside for it, spent or not. That grows with the budget, but slower than
    the budget does; the FLOPs of a minimum grow by whole pairs and could take from another layer when there is more to spend.
    """
    check_budget(budget)
    if not frontiers:
        return []
    table = _table(frontiers, budget)
    layers = range(len(frontiers))
    taken = [0] * len(frontiers)
    limit = budget * sum(row[0] for row in table.flops)
    next_steps = [(row[1] - row[0], layer) for layer, row in enumerate(table.error)]
    heapq.heapify(next_steps)
    # Summed anew after each step: never below the FLOPs of the kept pairs, however the parts round.
    while sum(table.flops[layer][taken[layer]] for layer in layers) > limit:
        layer = heapq.heappop(next_steps)[1]
        taken[layer] += 1
        step, error = taken[layer], table.error[layer]
        if step < STEPS:
            heapq.heappush(next_steps, (error[step + 1] - error[step], layer))
    return [int(table.k[layer][taken[layer]]) for layer in layers]


def _table(frontiers: Sequence[Frontier], budget: float) -> Table:
    """Return what each number of steps leaves of each layer, read back from the device in one transfer."""
    rows = []
    for each in frontiers:
        aside = each.share(FLOOR * budget)
        k = each.pairs - torch.arange(STEPS + 1, device=each.flops.device) * each.pairs // STEPS
        flops = each.flops[k].double().maximum(aside)
        rows.append(torch.stack([each.error[k], flops, k.maximum(each.within(aside)).double()]))
    return Table(*torch.stack(rows, dim=1).tolist())


ALLOCATION = Allocation("greedy", "Takes from the layer that it hurts least, 2 % of its pairs at a time: the paper's.", allocate)
