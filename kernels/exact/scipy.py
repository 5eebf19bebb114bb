"""SciPy's CSR product: the baseline of everyone who has no more than NumPy; one thread."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import torch

from rsc_bench.kernels.contract import Kernel, Multiply, Reduce, Unsupported
from rsc_bench.kernels.csr import Csr

if TYPE_CHECKING:
    from scipy.sparse import csr_array


def prepare(matrix: Csr, width: int, dtype: torch.dtype, reduce: Reduce = "sum") -> Multiply:
    """Return SciPy's multiply; mean aggregation is a scaling of the rows, done here once.

    Raises:
        Unsupported: for dtypes other than float32 and float64.
    """
    del width
    return partial(_multiply, scipy_csr(matrix.mean() if reduce == "mean" else matrix, dtype))


def scipy_csr(matrix: Csr, dtype: torch.dtype) -> csr_array:
    """Return `matrix` as SciPy's CSR array with values of `dtype`; indices are shared, and int32 where they are."""
    from scipy.sparse import csr_array

    if dtype not in (torch.float32, torch.float64):
        raise Unsupported(f"SciPy multiplies float32 and float64 (got {dtype})")
    value = matrix.value
    value = torch.ones(matrix.nnz, dtype=dtype) if value is None else value.detach().to(dtype)
    col = matrix.col.to(matrix.rowptr.dtype)  # SciPy wants both of one type
    return csr_array((value.numpy(), col.numpy(), matrix.rowptr.numpy()), matrix.shape)


def _multiply(operand: csr_array, dense: torch.Tensor) -> torch.Tensor:
    return torch.from_numpy(operand @ dense.detach().numpy())


KERNEL = Kernel(
    name="scipy",
    device="cpu",
    summary="SciPy's CSR product, int32 indices; one thread.",
    prepare=prepare,
    role="baseline",
)
