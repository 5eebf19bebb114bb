"""PyTorch Geometric's message passing over an edge list: a gather, a product and a scatter, as its layers run by default."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import torch

from rsc_bench.kernels.contract import EXTREMA, SUMS, Kernel, Multiply, Reduce, Unsupported
from rsc_bench.kernels.csr import Csr
from rsc_bench.kernels.exact import cusparse
from rsc_bench.optional import lacking

FLOATS = (torch.float32, torch.float64)


def prepare(matrix: Csr, width: int, dtype: torch.dtype, reduce: Reduce = "sum") -> Multiply:
    """Return one ``propagate`` of PyTorch Geometric's `SimpleConv`; its edge list is int64, made here once, sorted by target.

    Raises:
        Unsupported: for dtypes in which the scatter would also sum.
    """
    from torch_geometric.nn import SimpleConv

    del width
    if dtype not in FLOATS:
        raise Unsupported(f"PyTorch Geometric's scatter sums in the dtype of its operand: use float32 or float64 (got {dtype})")
    targets = torch.repeat_interleave(torch.arange(matrix.shape[0], device=matrix.device), matrix.row_nnz)
    weight = None if (value := matrix.value) is None else value.to(dtype)
    edges = torch.stack([matrix.col.long(), targets])
    return partial(_multiply, SimpleConv(aggr=reduce), edges, weight, matrix.shape[::-1])


def _multiply(
    conv: Any, edges: torch.Tensor, weight: torch.Tensor | None, size: tuple[int, int], dense: torch.Tensor
) -> torch.Tensor:
    product: torch.Tensor = conv((dense, None), edges, weight, size)
    return product


def load(matrix: Csr, width: int, dtype: torch.dtype, reduce: Reduce = "sum") -> None:
    """Import PyTorch Geometric, which takes seconds, before the time to prepare is taken."""
    del matrix, width, dtype, reduce
    import torch_geometric.nn  # noqa: F401


def missing() -> str | None:
    """Return why PyTorch Geometric cannot be used, or None."""
    return lacking("torch_geometric")


def missing_cuda() -> str | None:
    """Return why it cannot be used on a GPU, or None."""
    return missing() or cusparse.missing()


CPU = Kernel(
    name="pyg_gather_scatter",
    device="cpu",
    summary="PyTorch Geometric's message passing over an edge list, its layers' default: gather, product, scatter; int64 indices.",
    prepare=prepare,
    role="baseline",
    missing=missing,
    reduces=SUMS + EXTREMA,
    tune=load,
)
KERNELS = (CPU, replace(CPU, name="pyg_gather_scatter_cuda", device="cuda", missing=missing_cuda))
