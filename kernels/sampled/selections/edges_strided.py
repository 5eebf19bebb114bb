"""Keeps K edges of each row at equal distances: no random numbers (after ES-SpMM, Lin et al., 2021, arXiv 2104.10716)."""

from rsc_bench.kernels.csr import Csr
from rsc_bench.kernels.sampled.selections import DrawEdges, Selection
from rsc_bench.kernels.sampled.selections._edges import by_rows


def prepare(matrix: Csr, most_nnz: int) -> DrawEdges:
    """Return what chooses every n/K-th of a row's n edges, the same ones each time.

    The paper's K is what fits into a GPU's shared memory; here it is what the budget pays for.
    """
    choose = by_rows(matrix, most_nnz, lambda number, length, kept: number * length // kept)
    edges = choose()
    return lambda _: edges


SELECTION = Selection("edges_strided", "K edges of each row at equal distances, after ES-SpMM.", edges=prepare)
