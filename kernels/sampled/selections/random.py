"""Keeps column-row pairs drawn uniformly without replacement, unscaled: the ablation that shows what scores are worth."""

import torch

from rsc_bench.kernels.sampled.selections import Kept, Selection, affordable


def draw(scores: torch.Tensor, pair_nnz: torch.Tensor, most_nnz: int, generator: torch.Generator) -> Kept:
    """Return pairs in a random order as far as they fit; the scores are not looked at."""
    order = torch.randperm(len(scores), generator=generator, device=scores.device)
    return Kept(affordable(order, pair_nnz, most_nnz))


SELECTION = Selection("random", "Pairs drawn uniformly, unscaled: what a selection is worth against none.", draw)
