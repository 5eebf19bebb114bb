"""Keeps the first pairs that fit: a selection to be added."""

import torch

from rsc_bench.kernels.sampled.selections import Kept, Selection, affordable_prefix


def draw(scores, pair_nnz, most_nnz, generator):
    return Kept(affordable_prefix(torch.arange(len(scores)), pair_nnz, most_nnz))


SELECTION = Selection("mine", "The first pairs that fit.", draw)
