"""Gives every layer the same share of its own FLOPs: the ablation that shows what sharing out is worth."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from rsc_bench.kernels.rsc.allocations import Allocation, LayerCost, frontier
from rsc_bench.kernels.sampled.compose import check_budget


def allocate(layers: Sequence[LayerCost], budget: float) -> list[int]:
    """Return the longest run of highest scores of each layer that costs at most `budget` of all its pairs.

    The minimum of a layer is a part of that, so it is always kept.
    """
    check_budget(budget)
    curves = [frontier(layer) for layer in layers]
    k = [curve.within(curve.share(budget)) for curve in curves]
    # Stacked, so that a GPU is waited for once and not once a layer.
    counts: list[int] = torch.stack(k).tolist() if k else []
    return counts


ALLOCATION = Allocation("uniform", "Every layer the same share of its own FLOPs, whatever its scores are.", allocate)
