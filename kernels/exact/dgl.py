"""DGL's SpMM on a CPU, ``copy_u_sum`` and, of values that are not separable, ``u_mul_e_sum``: what its layers multiply with."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from rsc_bench.kernels.contract import EXTREMA, SUMS, Kernel, Multiply, Reduce, Unsupported
from rsc_bench.kernels.csr import Csr, Scaling
from rsc_bench.optional import OPTIONAL, lacking


def prepare(matrix: Csr, width: int, dtype: torch.dtype, reduce: Reduce = "sum") -> Multiply:
    """Return DGL's multiply for a graph that has its CSC alone, which is the matrix by rows; int32 indices are shared.

    Separable values are factors in front of ``copy_u`` and behind it, as in DGL's `GraphConv`, which is up to ten times as fast as
    its product with a weight for each edge. In float64 they are weights: the values that other kernels see are float32.

    Raises:
        Unsupported: for dtypes other than float32 and float64, and a matrix without rows, columns or non-zeros.
    """
    if dtype not in (torch.float32, torch.float64):
        raise Unsupported(f"DGL multiplies float32 and float64 on a CPU (got {dtype})")
    if 0 in (*matrix.shape, matrix.nnz):
        raise Unsupported(f"DGL multiplies graphs with nodes and edges (got {matrix.shape}, {matrix.nnz} edges)")
    dgl = imported()
    by_edge = not matrix.all_ones and (matrix.scaling is None or dtype is torch.float64 or reduce in EXTREMA)
    graph = graph_of(dgl, matrix, numbered=by_edge and width == 1)
    multiply = getattr(dgl.ops, f"{'u_mul_e' if by_edge else 'copy_u'}_{reduce}")
    if reduce in EXTREMA and bool((empty := matrix.row_nnz == 0).any()):
        multiply = partial(_filled, multiply, empty.nonzero()[:, 0])
    if by_edge:
        assert matrix.value is not None
        return partial(_weighted, multiply, graph, matrix.value.detach().to(dtype)[:, None])
    scaling = matrix.scaling or Scaling()
    columns, rows = (None if part is None else part.detach().to(dtype)[:, None] for part in (scaling.columns, scaling.rows))
    return partial(_scaled, multiply, graph, (columns, rows))


def graph_of(dgl: Any, matrix: Csr, numbered: bool) -> Any:
    """Return the matrix as DGL's graph, from its columns to its rows.

    Its edges are numbered where one path of DGL's wants that: else it counts, which reads less.
    """
    edges = torch.arange(matrix.nnz if numbered else 0, dtype=matrix.rowptr.dtype)
    parts = (matrix.rowptr, matrix.col.to(matrix.rowptr.dtype), edges)
    return dgl.create_block(("csc", parts), num_src_nodes=matrix.shape[1], num_dst_nodes=matrix.shape[0])


def _filled(multiply: Callable[..., torch.Tensor], empty: torch.Tensor, *operands: Any) -> torch.Tensor:
    """Return an extremum with zeros in the place of infinities, as DGL's ``update_all`` does for nodes without neighbours."""
    return multiply(*operands).index_fill_(0, empty, 0.0)


def _weighted(multiply: Callable[..., torch.Tensor], graph: Any, value: torch.Tensor, dense: torch.Tensor) -> torch.Tensor:
    return multiply(graph, dense, value)


def _scaled(
    multiply: Callable[..., torch.Tensor],
    graph: Any,
    factors: tuple[torch.Tensor | None, torch.Tensor | None],
    dense: torch.Tensor,
) -> torch.Tensor:
    columns, rows = factors
    product = multiply(graph, dense if columns is None else dense * columns)
    return product if rows is None else product.mul_(rows)


def load(matrix: Csr, width: int, dtype: torch.dtype, reduce: Reduce = "sum") -> None:
    """Import DGL, which takes seconds, before the time to prepare is taken."""
    del matrix, width, dtype, reduce
    imported()


def imported() -> Any:
    """Return DGL, which says nothing about its backend or its age."""
    os.environ.setdefault("DGLBACKEND", "pytorch")  # else it writes a file into the home folder, and says so
    with warnings.catch_warnings(action="ignore"):  # it was written for an older Python
        import dgl
    return dgl


def missing() -> str | None:
    """Return why DGL does not import beside this torch, or None: from 2.0 on it loads a library for one version of torch each."""
    if (reason := lacking("dgl")) is not None:
        return reason
    spec = find_spec("dgl")
    assert spec is not None
    assert spec.origin is not None
    libraries = [path.stem.rpartition("_")[2] for path in (Path(spec.origin).parent / "graphbolt").glob("libgraphbolt_pytorch_*")]
    here = torch.__version__.partition("+")[0]
    if libraries and here not in libraries:
        return f"dgl does not import beside torch {here}, it is built for {', '.join(sorted(libraries))}: {OPTIONAL['dgl']}"
    return None


KERNEL = Kernel(
    name="dgl",
    device="cpu",
    summary="DGL's copy_u_sum on a CPU, with separable values as factors around it, others by u_mul_e_sum; int32 indices.",
    prepare=prepare,
    role="baseline",
    missing=missing,
    reduces=SUMS + EXTREMA,
    separable=True,
    tune=load,
)
