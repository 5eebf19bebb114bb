"""cuSPARSE's CSR SpMM, through torch: the vendor baseline on an NVIDIA GPU."""

import torch

from rsc_bench.kernels.contract import Kernel, Multiply, Reduce
from rsc_bench.kernels.csr import Csr
from rsc_bench.kernels.exact._torch_csr import torch_csr
from rsc_bench.optional import no_cuda


def prepare(matrix: Csr, width: int, dtype: torch.dtype, reduce: Reduce = "sum") -> Multiply:
    """Return cuSPARSE's multiply; mean aggregation is a scaling of the rows, done here once.

    torch calls ``cusparseSpMM`` with ``CUSPARSE_SPMM_CSR_ALG2``, row-major operands and, in bfloat16, sums in float32
    (aten/src/ATen/native/sparse/cuda/SparseBlasImpl.cpp). It makes the descriptors and takes the workspace at each call, and
    fills the result with zeros before: what that costs is the difference to `cusparse_reused`. int32 offsets and columns go
    in as they are. A backward product is a product with a transpose that is made once, as for every kernel: left to
    ``torch.sparse``'s autograd it would be made at each call.
    """
    del width
    return torch_csr(matrix.mean() if reduce == "mean" else matrix, dtype).matmul


def missing() -> str | None:
    """Return why cuSPARSE cannot be called, or None."""
    if torch.cuda.is_available():
        return None
    return no_cuda()


KERNEL = Kernel(
    name="cusparse",
    device="cuda",
    summary="cuSPARSE's CSR_ALG2 through torch's CSR tensor, int32 indices: the vendor's kernel on an NVIDIA GPU.",
    prepare=prepare,
    role="vendor",
    missing=missing,
)
