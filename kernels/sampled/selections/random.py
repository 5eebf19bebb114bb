"""Keeps column-row pairs drawn uniformly without replacement, unscaled: the ablation that shows what scores are worth."""

import torch

from rsc_bench.kernels.sampled.selections import Kept, Selection, affordable


def draw(scores: torch.Tensor, pair_nnz: torch.Tensor, most_nnz: int, generator: torch.Generator) -> Kept:
    """Return pairs in a random order as far as they fit; of the scores only whether they are zero is looked at.

    A pair whose score is zero, as of a node without a gradient, multiplies nothing but zeros: it comes behind all others, for
    top-k never prefers it, and exact training leaves it out. Where no score is zero, or all are, the order is that of the draw.
    Nothing waits for a device.
    """
    order = torch.randperm(len(scores), generator=generator, device=scores.device)
    counts = (scores != 0) | (pair_nnz == 0)  # an empty pair costs nothing wherever it stands
    order = order[(~counts[order]).to(torch.uint8).argsort(stable=True)]
    return Kept(affordable(order, pair_nnz, most_nnz, worth=counts))


SELECTION = Selection("random", "Pairs with a score drawn uniformly, unscaled: what a selection is worth against none.", draw)
