"""Draws column-row pairs by their scores, with replacement, scaled so that the product is unbiased (Drineas et al., 2006).

A pair drawn c times out of k counts c / (k p): the expectation over draws is the exact product. The number of draws k is
fixed before drawing (stopping on what was drawn would bias), low enough that the distinct pairs fit the budget with three
standard deviations to spare. Where a draw does not fit all the same, the last of its pairs are left out: that happens about
once in a thousand draws, and its bias is far below the spread of one draw. Nothing is read back to the host
(docs/how-it-works/method.md).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from rsc_bench.kernels.sampled.selections import Kept, Selection

MOST_DRAWS = 16
"""Draws for each pair at most: with equal chances one pair in ten million is then never drawn."""


@dataclass(frozen=True, eq=False)
class Draws:
    """How often is drawn."""

    counted: torch.Tensor
    """(), int64: draws that count, the first of those that are made."""
    made: int

    @classmethod
    def plan(cls, counted: torch.Tensor, pairs: int) -> Draws:
        """Make those that count, and on a GPU as many as there can be.

        The host would wait for a GPU to learn the number, and more draws than it needs take it a millisecond.
        """
        return cls(counted, int(counted) if counted.device.type == "cpu" else MOST_DRAWS * pairs)


def draw(scores: torch.Tensor, pair_nnz: torch.Tensor, most_nnz: int, generator: torch.Generator) -> Kept:
    """Return the drawn pairs with their scales; nothing is kept where no draw can be afforded."""
    if not len(scores):
        return Kept(torch.zeros_like(scores, dtype=torch.bool), scores.float())
    probability = scores.double() / scores.double().sum()
    counted = affordable_draws(probability, pair_nnz.double(), most_nnz)
    return draw_times(Draws.plan(counted, len(scores)), probability, pair_nnz, most_nnz, generator)


def draw_times(draws: Draws, probability: torch.Tensor, pair_nnz: torch.Tensor, most_nnz: int, generator: torch.Generator) -> Kept:
    """Return the pairs of so many draws, the last of them left out where they do not fit."""
    counts = count_draws(draws, probability, generator)
    fits = (pair_nnz * (counts > 0)).cumsum(0) <= most_nnz
    scale = (counts * fits / (draws.counted * probability)).nan_to_num(0.0, 0.0, 0.0).float()
    return Kept(scale > 0, scale)


def count_draws(draws: Draws, probability: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Return how often each pair comes up in independent draws, by inverting the distribution.

    ``torch.multinomial`` refuses more than 2**24 pairs; this does not.
    """
    edges = probability.cumsum(0)
    points = torch.rand(draws.made, generator=generator, device=edges.device, dtype=edges.dtype) * edges[-1]
    drawn = torch.searchsorted(edges, points, right=True).clamp(max=len(edges) - 1)
    counts = torch.arange(draws.made, device=edges.device) < draws.counted
    return torch.zeros_like(edges).index_add_(0, drawn, counts.to(edges.dtype))


def affordable_draws(probability: torch.Tensor, cost: torch.Tensor, most: int) -> torch.Tensor:
    """Return the largest k, (), int64, for which the expected cost of the distinct pairs plus three deviations is at most `most`.

    Pair i is among k draws with probability q = 1 - (1 - p)^k; pairs exclude each other a little, so the sum of the
    single variances is an upper bound of the variance of the cost. k is found bit by bit, from the highest, and is at most
    `MOST_DRAWS` for each pair, which it is where all pairs can be paid for.
    """
    log_missed, square = torch.log1p(-probability.clamp(max=1 - 1e-12)), cost.square()
    draws = torch.zeros((), dtype=torch.int64, device=cost.device)
    limit = MOST_DRAWS * len(cost)
    for bit in reversed(range(limit.bit_length())):
        more = draws + (1 << bit)
        seen = -torch.expm1(more * log_missed)
        spent = (seen * cost).sum() + 3 * (seen * (1 - seen) * square).sum().sqrt()
        draws = torch.where(spent <= most, more, draws)
    return torch.where(cost.sum() <= most, limit, draws.clamp(max=limit))


SELECTION = Selection("importance", "Pairs drawn by their scores and scaled by 1/(k p): unbiased, with a larger error.", draw)
