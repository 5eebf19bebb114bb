"""turbo-gnn's aggregations on an NVIDIA GPU: extrema by kernels of its own, sums by its call of cuSPARSE."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch

from rsc_bench.kernels.contract import EXTREMA, SUMS, Kernel, Multiply, Reduce, Unsupported
from rsc_bench.kernels.csr import Csr
from rsc_bench.kernels.exact import cusparse
from rsc_bench.optional import lacking

_NEVER_FREED: list[tuple[torch.Tensor, torch.Tensor]] = []
"""Indices that sums were prepared with: turbo-gnn keeps a matrix for ever by the addresses of these alone, and another one whose
indices came to lie there would be multiplied with the values of the first."""


def prepare(matrix: Csr, width: int, dtype: torch.dtype, reduce: Reduce = "sum") -> Multiply:
    """Return turbo-gnn's aggregation with the settings that it has by default; int32 indices.

    Raises:
        Unsupported: for dtypes other than float32, 2**31 non-zeros and more, a matrix that is not square or has no entries, and an
            extremum of weighted entries.
    """
    del width
    if dtype is not torch.float32:
        raise Unsupported(f"turbo-gnn is measured in float32 (got {dtype})")
    if matrix.rowptr.dtype is torch.int64:
        raise Unsupported("turbo-gnn multiplies by int32 indices (got int64 row offsets)")
    if matrix.shape[0] != matrix.shape[1] or matrix.nnz == 0:
        found = f"got {matrix.shape}, {matrix.nnz} edges"
        raise Unsupported(f"turbo-gnn aggregates over graphs with edges, whose matrix is square ({found})")
    return _extremum(matrix, reduce) if reduce in EXTREMA else _sum(matrix.mean() if reduce == "mean" else matrix)


def _sum(matrix: Csr) -> Multiply:
    from turbo_gnn import csr_SPMM_normalized

    indices = matrix.rowptr.clone(), matrix.col.clone()
    _NEVER_FREED.append(indices)
    value = matrix.value
    return partial(_summed, csr_SPMM_normalized, indices, None if value is None else value.detach().float())


def _summed(
    multiply: Any, indices: tuple[torch.Tensor, torch.Tensor], value: torch.Tensor | None, dense: torch.Tensor
) -> torch.Tensor:
    product: torch.Tensor = multiply(*indices, dense.detach(), value)
    return product


def _extremum(matrix: Csr, reduce: Reduce) -> Multiply:
    from turbo_gnn import AdjacencyForwardBackwardWithNodeBuckets, reduction_aggr

    if not matrix.all_ones:
        raise Unsupported(f"turbo-gnn's {reduce} has no weights of edges")
    back = matrix.transpose()
    graph = AdjacencyForwardBackwardWithNodeBuckets.from_csr(
        matrix.rowptr, matrix.col, back.rowptr, back.col, index_dtype=torch.int32
    )
    return partial(_reduced, reduction_aggr, graph, reduce)


def _reduced(aggregate: Any, graph: Any, reduce: Reduce, dense: torch.Tensor) -> torch.Tensor:
    found: torch.Tensor = aggregate(graph, dense.detach(), reduce=reduce)
    return found


def load(matrix: Csr, width: int, dtype: torch.dtype, reduce: Reduce = "sum") -> None:
    """Import turbo-gnn before the time to prepare is taken."""
    del matrix, width, dtype, reduce
    import turbo_gnn  # noqa: F401


def missing() -> str | None:
    """Return why turbo-gnn cannot be used, or None."""
    return lacking("turbo_gnn") or cusparse.missing()


KERNEL = Kernel(
    name="turbo_gnn",
    device="cuda",
    summary="turbo-gnn: its own kernels for extrema, and its call of cuSPARSE for sums; int32 indices.",
    prepare=prepare,
    role="baseline",
    missing=missing,
    reduces=SUMS + EXTREMA,
    tune=load,
)
