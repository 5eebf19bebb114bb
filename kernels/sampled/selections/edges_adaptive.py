"""Keeps K edges of each row, in runs that are the longer the longer the row (after AES-SpMM, 2025)."""

import torch

from rsc_bench.kernels.csr import Csr
from rsc_bench.kernels.sampled.selections import DrawEdges, Selection
from rsc_bench.kernels.sampled.selections._edges import by_rows

LONGEST_RUN = 16
"""Edges of a run at most: as many column indices as a cache line has."""


def prepare(matrix: Csr, most_nnz: int) -> DrawEdges:
    """Return what chooses K of a row's n edges by n/K: single ones of a row hardly longer, runs of neighbours of a longer one.

    The paper adapts how a row is sampled to its length over the width of shared memory, which is K here: a fine grain where most is
    kept anyway, a coarse one, which reads fewer cache lines of the matrix, where little is. Its own steps are for a GPU; here a run
    is the largest power of two up to n/K, K and `LONGEST_RUN`.
    """
    choose = by_rows(matrix, most_nnz, _in_runs)
    edges = choose()
    return lambda _: edges


def _in_runs(number: torch.Tensor, length: torch.Tensor, kept: torch.Tensor) -> torch.Tensor:
    most = torch.minimum(length // kept, kept).clamp(max=LONGEST_RUN)
    run = sum((most >= size).long() * size // 2 for size in (2, 4, 8, LONGEST_RUN)) + torch.ones_like(most)
    runs = (kept + run - 1) // run
    return (number // run) * length // runs + number % run


SELECTION = Selection("edges_adaptive", "K edges of each row, in longer runs of longer rows, after AES-SpMM.", edges=prepare)
