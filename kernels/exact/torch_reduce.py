"""torch's native CSR kernel, the one behind ``torch.sparse.mm(..., reduce)``."""

from functools import partial

import torch

from rsc_bench.kernels.contract import EXTREMA, SUMS, Kernel, Multiply, Reduce
from rsc_bench.kernels.csr import Csr
from rsc_bench.kernels.exact._torch_csr import torch_csr


def prepare(matrix: Csr, width: int, dtype: torch.dtype, reduce: Reduce = "sum") -> Multiply:
    """Return torch's own sum, mean, maximum or minimum over the rows of a CSR tensor (pytorch/pytorch#83727)."""
    del width
    if reduce == "mean" and not matrix.all_ones:
        matrix, reduce = matrix.mean(), "sum"
    return partial(_multiply, torch_csr(matrix, dtype), f"a{reduce}" if reduce in EXTREMA else reduce)


def _multiply(operand: torch.Tensor, reduce: str, dense: torch.Tensor) -> torch.Tensor:
    product: torch.Tensor = torch.sparse.mm(operand, dense, reduce)
    return product


KERNEL = Kernel(
    name="torch_reduce",
    device="cpu",
    summary="torch's native CSR reduction on a CPU, int32 indices.",
    prepare=prepare,
    reduces=SUMS + EXTREMA,
)
