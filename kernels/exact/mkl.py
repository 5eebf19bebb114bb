"""Intel MKL's CSR SpMM, through torch: the vendor baseline on a CPU."""

import torch

from rsc_bench.kernels.contract import Kernel, Multiply, Reduce, Unsupported
from rsc_bench.kernels.csr import Csr
from rsc_bench.kernels.exact._torch_csr import torch_csr


def prepare(matrix: Csr, width: int, dtype: torch.dtype, reduce: Reduce = "sum") -> Multiply:
    """Return MKL's multiply; mean aggregation is a scaling of the rows, done here once."""
    del width
    if dtype not in (torch.float32, torch.float64):
        raise Unsupported(f"MKL multiplies float32 and float64 (got {dtype})")
    operand = torch_csr(matrix.mean() if reduce == "mean" else matrix, dtype)
    return operand.matmul


def missing() -> str | None:
    """Return why MKL cannot be called, or None."""
    if torch.backends.mkl.is_available():  # type: ignore[no-untyped-call]
        return None
    return "this build of torch has no MKL: use an x86-64 build of torch"


KERNEL = Kernel(
    name="mkl",
    device="cpu",
    summary="MKL through torch's CSR tensor, int32 indices: the vendor's kernel on a CPU.",
    prepare=prepare,
    role="vendor",
    missing=missing,
)
