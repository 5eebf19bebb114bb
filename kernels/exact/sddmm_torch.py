"""torch's own SDDMM, ``torch.sparse.sampled_addmm``: native code on a CPU, cuSPARSE's ``cusparseSDDMM`` on a GPU."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import torch

from rsc_bench.kernels.contract import SDDMM, Dots, Kernel, Reduce, Unsupported
from rsc_bench.kernels.csr import Csr
from rsc_bench.kernels.exact import cusparse
from rsc_bench.kernels.exact._torch_csr import torch_csr


def prepare(matrix: Csr, width: int, dtype: torch.dtype, reduce: Reduce = "sum") -> Dots:
    """Return ``sampled_addmm`` over the pattern, an addend of zeros with it; int32 indices are shared.

    Raises:
        Unsupported: for dtypes other than float32 and float64.
    """
    del width, reduce
    if dtype not in (torch.float32, torch.float64):
        raise Unsupported(f"torch.sparse.sampled_addmm multiplies float32 and float64 (got {dtype})")
    return partial(_dots, torch_csr(replace(matrix, entries=None, scaling=None, _transposed=[]), dtype))


def _dots(pattern: torch.Tensor, left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    dots: torch.Tensor = torch.sparse.sampled_addmm(pattern, left, right.T, beta=0.0).values()
    return dots


CPU = Kernel(
    name="sddmm_torch",
    device="cpu",
    summary="torch.sparse.sampled_addmm of a CSR tensor on a CPU, int32 indices.",
    prepare=prepare,
    operation=SDDMM,
)
KERNELS = (
    CPU,
    replace(
        CPU,
        name="sddmm_torch_cuda",
        device="cuda",
        summary="torch.sparse.sampled_addmm on a GPU, which is cuSPARSE's SDDMM, int32 indices: the vendor's kernel.",
        role="vendor",
        missing=cusparse.missing,
    ),
)
