"""torch-sparse's CSR SpMM: the baseline of PyTorch Geometric and of most published speedups."""

from functools import partial

import torch
import torch_sparse

from rsc_bench.kernels.checked import word
from rsc_bench.kernels.contract import EXTREMA, SUMS, Kernel, Multiply, Reduce, Unsupported
from rsc_bench.kernels.csr import Csr


def prepare(matrix: Csr, width: int, dtype: torch.dtype, reduce: Reduce = "sum") -> Multiply:
    """Return torch-sparse's multiply; its indices are int64, converted here once.

    Raises:
        Unsupported: for bfloat16 and float16, and for a matrix without rows or columns.
    """
    del width
    if dtype in (
        torch.bfloat16,
        torch.float16,
    ):  # bfloat16: 1.1 % off on rows of some hundred non-zeros, where sums in float32 are 0.3 %
        raise Unsupported(f"torch-sparse sums {word(dtype)} in {word(dtype)}, and its error grows with the rows: use float32")
    if 0 in matrix.shape:  # it divides by the number of rows, and the process ends
        raise Unsupported(f"torch-sparse multiplies matrices with at least one row and one column (got {matrix.shape})")
    value = None if (whole := matrix.value) is None else whole.to(dtype)
    operand = torch_sparse.SparseTensor(
        rowptr=matrix.rowptr.long(), col=matrix.col.long(), value=value, sparse_sizes=matrix.shape, is_sorted=True, trust_data=True
    )
    return partial(_multiply, operand, reduce)


def _multiply(operand: torch_sparse.SparseTensor, reduce: Reduce, dense: torch.Tensor) -> torch.Tensor:
    product: torch.Tensor = torch_sparse.matmul(operand, dense, reduce=reduce)
    return product


KERNEL = Kernel(
    name="torch_sparse",
    device="cpu",
    summary="torch-sparse, the kernel of PyTorch Geometric and of most published speedups; int64 indices.",
    prepare=prepare,
    reduces=SUMS + EXTREMA,
)
