"""SDDMM as models of PyTorch Geometric write it: both rows of each edge gathered, multiplied and summed by torch."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import torch

from rsc_bench.kernels.contract import SDDMM, Dots, Kernel, Reduce
from rsc_bench.kernels.csr import Csr
from rsc_bench.kernels.exact import cusparse


def prepare(matrix: Csr, width: int, dtype: torch.dtype, reduce: Reduce = "sum") -> Dots:
    """Return ``(left[rows] * right[columns]).sum(-1)``; the edge list is int64, made here once, sorted by row."""
    del width, dtype, reduce
    rows = torch.repeat_interleave(torch.arange(matrix.shape[0], device=matrix.device), matrix.row_nnz)
    return partial(_dots, rows, matrix.col.long())


def _dots(rows: torch.Tensor, columns: torch.Tensor, left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    return (left[rows] * right[columns]).sum(-1)


CPU = Kernel(
    name="sddmm_gather",
    device="cpu",
    summary="torch gathers both rows of each edge, multiplies and sums, as models of PyTorch Geometric do; int64 indices.",
    prepare=prepare,
    operation=SDDMM,
)
KERNELS = (CPU, replace(CPU, name="sddmm_gather_cuda", device="cuda", missing=cusparse.missing))
