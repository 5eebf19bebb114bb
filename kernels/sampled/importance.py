"""Draws column-row pairs by their scores, with replacement, scaled so that the product is unbiased (Drineas et al., 2006).

A pair drawn c times out of k counts c / (k p): the expectation over draws is the exact product. The number of draws k is
fixed before drawing (stopping on what was drawn would bias), low enough that the distinct pairs fit the budget with three
standard deviations to spare. Where a draw does not fit all the same, it is drawn again: that conditioning happens about
once in a thousand draws and its bias is far below the spread of one draw. Both decisions are the host's, which waits for a GPU
to make them: this is an ablation, and no other selection waits.
"""

from __future__ import annotations

import torch

from kernels.sampled.selection import Kept, Selection

_TRIES = 8


def draw(scores: torch.Tensor, pair_nnz: torch.Tensor, most_nnz: int, generator: torch.Generator) -> Kept:
    """Return the drawn pairs with their scales; nothing is kept where no draw can be afforded."""
    probability = scores.double() / scores.double().sum()
    draws = _affordable_draws(probability, pair_nnz.double(), most_nnz)
    if draws == 0 or not bool(torch.isfinite(probability).all()):
        return _scaled(torch.zeros_like(probability))
    for _ in range(_TRIES):
        counts = _counts(probability, draws, generator)
        if int(pair_nnz[counts > 0].sum()) <= most_nnz:
            return _scaled((counts / (draws * probability)).nan_to_num(0.0, 0.0, 0.0))
        draws = draws - draws // 16
    return _scaled(torch.zeros_like(probability))


def _scaled(scale: torch.Tensor) -> Kept:
    return Kept(scale > 0, scale.float())


def _counts(probability: torch.Tensor, draws: int, generator: torch.Generator) -> torch.Tensor:
    """Return how often each pair comes up in `draws` independent draws, by inverting the distribution.

    ``torch.multinomial`` refuses more than 2**24 pairs; this does not.
    """
    edges = probability.cumsum(0)
    points = torch.rand(draws, generator=generator, device=edges.device, dtype=edges.dtype) * edges[-1]
    drawn = torch.searchsorted(edges, points, right=True).clamp(max=len(edges) - 1)
    return torch.bincount(drawn, minlength=len(edges))


def _affordable_draws(probability: torch.Tensor, cost: torch.Tensor, most: int) -> int:
    """Return the largest k for which the expected cost of the distinct pairs plus three deviations is at most `most`.

    Pair i is among k draws with probability q = 1 - (1 - p)^k; pairs exclude each other a little, so the sum of the
    single variances is an upper bound of the variance of the cost.
    """
    if not bool(torch.isfinite(probability).all()):
        return 0
    low, high = 0, 1 << 40
    log_missed = torch.log1p(-probability.clamp(max=1 - 1e-12))
    while low < high:
        draws = (low + high + 1) // 2
        seen = -torch.expm1(draws * log_missed)
        spent = (seen * cost).sum() + 3 * (seen * (1 - seen) * cost.square()).sum().sqrt()
        low, high = (draws, high) if float(spent) <= most else (low, draws - 1)
    return min(low, 16 * len(probability))


SELECTION = Selection("importance", "Pairs drawn by their scores and scaled by 1/(k p): unbiased, with a larger error.", draw)
