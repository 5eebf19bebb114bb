"""What an allocation is: the layers' scores and costs and a budget in, the number of pairs to keep of each layer out.

Every allocation of ours leaves every layer its minimum (`FLOOR`). The paper (RSC, section 3.2) has none: there a layer may
get k = 0, and then all layers below it learn from a gradient that has passed only its diagonal.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from rsc_bench.fields import Plugin
from rsc_bench.kernels.sampled.compose import check_budget

FLOOR = 0.1
"""A layer's minimum: the longest prefix of its ranking that this share of ``C * flops_l``, its uniform share, buys.

The minima together cost at most this share of the budget, so there is always room for them.
"""


@dataclass(frozen=True, eq=False)
class LayerCost:
    """The column-row pairs of one layer's backward product: what each is worth, and what it costs."""

    scores: torch.Tensor
    """(pairs,), float32, not negative: ``||A_i||_2 * ||G_i||_2``. NaN and infinity count as the largest finite number."""
    pair_nnz: torch.Tensor
    """(pairs,), int64: non-zeros of each pair."""
    width: int
    """Columns of the gradient: the FLOPs of a pair are its non-zeros times this."""
    product_norm: float | torch.Tensor = 1.0
    """``||A^T G||_F``, the scale of the layer's error; where it is 0 or not finite, the error is not scaled."""

    def __post_init__(self) -> None:
        if self.scores.shape != self.pair_nnz.shape or self.scores.dim() != 1:
            shapes = f"{tuple(self.scores.shape)} and {tuple(self.pair_nnz.shape)}"
            raise ValueError(f"scores and pair_nnz must have one entry a pair (got {shapes})")
        if self.width < 1:
            raise ValueError(f"width must be at least 1 (got {self.width})")


Allocate = Callable[[Sequence[LayerCost], float], list[int]]
"""(layers, budget) -> k of each layer: its k highest-scoring pairs are kept, in the order of `ranking`."""


@dataclass(frozen=True)
class Allocation(Plugin):
    """A way to share a budget out; a file in ``kernels/rsc/allocations`` that defines ``ALLOCATION = Allocation(...)`` is one.

    Raises ``ValueError`` for an empty name, and for an `allocate` that cannot be called.
    """

    name: str
    summary: str
    """One sentence: which layers it gives more."""
    allocate: Allocate
    """Returns k of each layer, between its minimum and its pairs; together they never cost more than the budget."""
    keeps_budget: bool = True
    """Whether they do not; False: it is there to compare with, and what it spends is told beside the budget."""


@dataclass(frozen=True, eq=False)
class Frontier:
    """What keeping the k highest scores of a layer loses and costs, for every k."""

    error: torch.Tensor
    """(pairs + 1,), float64: the dropped scores over the product's norm. Never rises with k; 0 at the end."""
    flops: torch.Tensor
    """(pairs + 1,), int64: what the kept pairs cost. Never falls with k; 0 at the start."""

    @property
    def pairs(self) -> int:
        """Number of pairs of the layer."""
        return len(self.flops) - 1

    def share(self, part: float) -> torch.Tensor:
        """Return that part of the layer's FLOPs, float64 without dimensions."""
        return self.flops[-1].double() * part

    def within(self, flops: torch.Tensor) -> torch.Tensor:
        """Return the largest k that costs no more than `flops`, int64 without dimensions."""
        return (self.flops <= flops).sum() - 1


def frontier(layer: LayerCost) -> Frontier:
    """Return error and cost of every k, on the layer's device, without reading anything back from it."""
    order = ranking(layer.scores)
    scores = _finite(layer.scores)[order].double() / _scale(layer)
    # Summed from the lowest score up, so that small ones are not lost in large ones and keeping all is exactly 0.
    dropped = scores.flip(0).cumsum(0).flip(0)
    flops = layer.pair_nnz[order].long().cumsum(0) * layer.width
    return Frontier(torch.cat([dropped, dropped.new_zeros(1)]), torch.cat([flops.new_zeros(1), flops]))


def ranking(scores: torch.Tensor) -> torch.Tensor:
    """Return the pairs from the highest score to the lowest, equal ones by index; NaN ranks first, as in the selections."""
    scores = scores.detach().float()
    if scores.device.type != "cpu":
        return scores.argsort(descending=True, stable=True)
    # The bits of a non-negative float ascend with it; with the index below them one sort of integers ranks stably, which
    # NumPy vectorises: less than a sixth of the time of a sort by torch.
    falling = ~scores.contiguous().numpy().view(np.uint32) & np.uint32(0x7FFFFFFF)
    keys = falling.astype(np.uint64) << np.uint64(32) | np.arange(len(falling), dtype=np.uint64)
    keys.sort()
    return torch.from_numpy((keys & np.uint64(0xFFFFFFFF)).astype(np.int64))


def flops_limit(flops: float, budget: float) -> int:
    """Return how many of `flops`, those of all pairs of all layers, a budget allows."""
    check_budget(budget)
    return math.floor(budget * flops)


def kept_nnz(layers: Sequence[LayerCost], k: Sequence[int]) -> list[int]:
    """Return the non-zeros of each layer's k highest-scoring pairs: what a selection of that layer may spend."""
    sums = [layer.pair_nnz[ranking(layer.scores)[:count]].sum() for layer, count in zip(layers, k, strict=True)]
    # Stacked, so that a GPU is waited for once and not once a layer.
    counts: list[int] = torch.stack(sums).tolist() if sums else []
    return counts


def spent(layers: Sequence[LayerCost], k: Sequence[int]) -> int:
    """Return the FLOPs of the kept pairs, ``sum_l sum_{i in top-k_l} nnz_i * d_l``."""
    return sum(nnz * layer.width for layer, nnz in zip(layers, kept_nnz(layers, k), strict=True))


def error(layers: Sequence[LayerCost], k: Sequence[int]) -> float:
    """Return the summed error, ``sum_l (dropped scores of l) / ||A_l^T G_l||_F`` (RSC, section 3.2)."""
    return sum(float(frontier(layer).error[count]) for layer, count in zip(layers, k, strict=True))


def _finite(scores: torch.Tensor) -> torch.Tensor:
    """Scores with the largest float32 for what is not finite: an overflow ranks first without drowning the others' sums in NaN."""
    most = torch.finfo(torch.float32).max
    return scores.detach().float().nan_to_num(nan=most, posinf=most)


def _scale(layer: LayerCost) -> torch.Tensor:
    norm = torch.as_tensor(layer.product_norm, dtype=torch.float64, device=layer.scores.device).detach()
    return torch.where(norm.isfinite() & (norm > 0), norm, 1.0)
