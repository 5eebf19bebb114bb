"""CuPy's CSR product on an NVIDIA GPU: cuSPARSE as it is called by everyone who has NumPy's interface there."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch

from rsc_bench.kernels.contract import Kernel, Multiply, Reduce, Unsupported
from rsc_bench.kernels.csr import Csr
from rsc_bench.kernels.exact import cusparse
from rsc_bench.optional import lacking


def prepare(matrix: Csr, width: int, dtype: torch.dtype, reduce: Reduce = "sum") -> Multiply:
    """Return CuPy's ``@``, which copies the dense operand into columns at each call; memory is shared, and so is torch's stream.

    Raises:
        Unsupported: for dtypes other than float32 and float64, and for 2**31 non-zeros and more.
    """
    import cupy
    from cupyx.scipy.sparse import csr_matrix

    del width
    if dtype not in (torch.float32, torch.float64):
        raise Unsupported(f"CuPy multiplies float32 and float64 (got {dtype})")
    if matrix.rowptr.dtype is torch.int64:
        raise Unsupported("CuPy has int32 indices alone (got int64 row offsets)")
    value = (matrix.mean() if reduce == "mean" else matrix).value
    value = torch.ones(matrix.nnz, dtype=dtype, device=matrix.device) if value is None else value.detach().to(dtype)
    operand = csr_matrix(tuple(map(cupy.from_dlpack, (value, matrix.col, matrix.rowptr))), shape=matrix.shape)
    operand.sum_duplicates()  # there are none: it looks once, here
    return partial(_multiply, operand)


def _multiply(operand: Any, dense: torch.Tensor) -> torch.Tensor:
    import cupy

    with cupy.cuda.ExternalStream(torch.cuda.current_stream(dense.device).cuda_stream):
        product: torch.Tensor = torch.utils.dlpack.from_dlpack(operand @ cupy.from_dlpack(dense.detach()))
    return product


def load(matrix: Csr, width: int, dtype: torch.dtype, reduce: Reduce = "sum") -> None:
    """Import CuPy before the time to prepare is taken."""
    del matrix, width, dtype, reduce
    import cupyx.scipy.sparse  # noqa: F401


def missing() -> str | None:
    """Return why CuPy cannot be used, or None."""
    return lacking("cupy") or cusparse.missing()


KERNEL = Kernel(
    name="cupy",
    device="cuda",
    summary="CuPy's CSR product: cuSPARSE behind NumPy's interface, which copies the dense operand into columns; int32 indices.",
    prepare=prepare,
    role="baseline",
    missing=missing,
    tune=load,
)
