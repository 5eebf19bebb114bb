"""PyTorch Geometric's own SpMM, ``torch_geometric.utils.spmm``: what its layers call where they are given a sparse adjacency."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import torch

from rsc_bench.kernels.contract import SUMS, Multiply, Reduce, Unsupported
from rsc_bench.kernels.csr import Csr
from rsc_bench.kernels.exact import pyg_gather_scatter
from rsc_bench.kernels.exact._torch_csr import torch_csr


def prepare(matrix: Csr, width: int, dtype: torch.dtype, reduce: Reduce = "sum") -> Multiply:
    """Return ``spmm`` of a torch CSR tensor; on a CPU sums are torch's MKL and all else its native reduction, on a GPU cuSPARSE's.

    Raises:
        Unsupported: for dtypes that not all of these multiply.
    """
    del width
    if dtype not in pyg_gather_scatter.FLOATS:
        raise Unsupported(f"torch_geometric.utils.spmm multiplies float32 and float64 on every path (got {dtype})")
    if reduce == "mean" and not matrix.all_ones:
        matrix, reduce = matrix.mean(), "sum"
    return partial(_multiply, torch_csr(matrix, dtype), reduce)


def _multiply(operand: torch.Tensor, reduce: Reduce, dense: torch.Tensor) -> torch.Tensor:
    from torch_geometric.utils import spmm

    product: torch.Tensor = spmm(operand, dense, reduce)
    return product


CPU = replace(
    pyg_gather_scatter.CPU,
    name="pyg_spmm",
    summary="torch_geometric.utils.spmm, what PyTorch Geometric's layers call for a torch CSR tensor; int32 indices.",
    prepare=prepare,
)
KERNELS = (CPU, replace(CPU, name="pyg_spmm_cuda", device="cuda", missing=pyg_gather_scatter.missing_cuda, reduces=SUMS))
