"""Keeps edges between nodes of few neighbours rather, drawn over the whole matrix (after DSpar, Liu et al., TMLR 2023)."""

import torch

from rsc_bench.kernels.csr import Csr
from rsc_bench.kernels.sampled.selections import DrawEdges, Edges, Selection


def degree_weights(degree: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """Return ``1 / deg_u + 1 / deg_v``, which bounds an edge's effective resistance (Lovasz, 1993): DSpar draws edges by it.

    Args:
        degree: (edges,): of one end of each.
        other: (edges,): of its other end.
    """
    return 1 / degree + 1 / other


def prepare(matrix: Csr, most_nnz: int) -> DrawEdges:
    """Return what draws edges without replacement by `degree_weights` of their row and column, unscaled.

    Drawn by the smallest of exponential times over the weights (Efraimidis and Spirakis, 2006).
    """
    rows = torch.repeat_interleave(matrix.row_nnz, matrix.row_nnz, output_size=matrix.nnz)
    weights = degree_weights(rows.float(), matrix.column_nnz[matrix.col.long()].float())

    def draw(generator: torch.Generator) -> Edges:
        times = torch.empty_like(weights).exponential_(generator=generator).div_(weights)
        return Edges(times.topk(min(most_nnz, len(times)), largest=False, sorted=False).indices.sort().values)

    return draw


SELECTION = Selection("edges_degree", "Edges drawn by 1 / deg of both ends, unscaled, after DSpar.", edges=prepare)
