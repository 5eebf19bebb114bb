"""Keeps the column-row pairs with the largest scores, unscaled (Adelman et al., NeurIPS 2021; RSC, section 3)."""

import torch

from rsc_bench.kernels.acceleration import with_numba
from rsc_bench.kernels.sampled.selections import Kept, Selection, affordable

_NUMBA = with_numba("sampled.selections._prefix_numba")


def draw(scores: torch.Tensor, pair_nnz: torch.Tensor, most_nnz: int, generator: torch.Generator) -> Kept:
    """Return the highest-scoring pairs that fit: deterministic, biased, and the smallest error of the three."""
    del generator
    if _NUMBA is not None and scores.device.type == "cpu":
        return Kept(torch.from_numpy(_NUMBA.top_that_fit(scores.numpy(), pair_nnz.numpy(), most_nnz)))
    return draw_by_sorting(scores, pair_nnz, most_nnz)


def draw_by_sorting(scores: torch.Tensor, pair_nnz: torch.Tensor, most_nnz: int) -> Kept:
    """Return the same pairs, found with torch's own operations: on any device."""
    return Kept(affordable(scores.argsort(descending=True, stable=True), pair_nnz, most_nnz, worth=scores != 0))


SELECTION = Selection("topk", "The pairs with the largest ||A_i|| * ||G_i||, unscaled: the paper's choice.", draw)
