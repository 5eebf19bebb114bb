"""DGL's SDDMM on a CPU, ``u_dot_v``: what its attention layers score edges with."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch

from rsc_bench.kernels.contract import SDDMM, Dots, Kernel, Reduce, Unsupported
from rsc_bench.kernels.csr import Csr
from rsc_bench.kernels.exact import dgl


def prepare(matrix: Csr, width: int, dtype: torch.dtype, reduce: Reduce = "sum") -> Dots:
    """Return ``u_dot_v`` of a graph whose edges are numbered as the non-zeros; int32 indices are shared.

    Its edge list, which DGL makes at the first call and keeps, is made here.

    Raises:
        Unsupported: for dtypes other than float32 and float64, and a matrix without rows, columns or non-zeros.
    """
    del reduce
    if dtype not in (torch.float32, torch.float64):
        raise Unsupported(f"DGL multiplies float32 and float64 on a CPU (got {dtype})")
    if 0 in (*matrix.shape, matrix.nnz):
        raise Unsupported(f"DGL multiplies graphs with nodes and edges (got {matrix.shape}, {matrix.nnz} edges)")
    library = dgl.imported()
    graph = dgl.graph_of(library, matrix, numbered=width == 1)  # or its gradient is refused by one path of DGL's
    graph.create_formats_()
    return partial(_dots, library.ops.u_dot_v, graph)


def _dots(u_dot_v: Any, graph: Any, left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    dots: torch.Tensor = u_dot_v(graph, right, left)
    return dots[:, 0]


KERNEL = Kernel(
    name="sddmm_dgl",
    device="cpu",
    summary="DGL's u_dot_v on a CPU, its attention layers' scores of edges; int32 indices.",
    prepare=prepare,
    role="baseline",
    missing=dgl.missing,
    tune=dgl.load,
    operation=SDDMM,
)
