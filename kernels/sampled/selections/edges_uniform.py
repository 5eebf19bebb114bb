"""Keeps K random edges of each row, each with the same chance: the plainest edge sampling (ES-SpMM, Lin et al., 2021)."""

import torch

from rsc_bench.kernels.csr import Csr
from rsc_bench.kernels.sampled.selections import DrawEdges, Edges, Selection
from rsc_bench.kernels.sampled.selections._edges import by_rows


def prepare(matrix: Csr, most_nnz: int) -> DrawEdges:
    """Return what draws by systematic sampling (Madow and Madow, 1944): every n/K-th of a row's n edges, from a random one on.

    An edge is kept with a chance of K/n exactly, none twice, and the time is that of what is kept and not of the whole matrix.
    """
    choose = by_rows(matrix, most_nnz, lambda number, length, kept, first: (number * length + first) // kept)
    lengths = matrix.row_nnz

    def draw(generator: torch.Generator) -> Edges:
        share = torch.rand(len(lengths), generator=generator, device=lengths.device, dtype=torch.float64)
        return choose((share * lengths).long().clamp(max=lengths - 1))

    return draw


SELECTION = Selection("edges_uniform", "K random edges of each row, unscaled, as edge samplers draw them.", edges=prepare)
