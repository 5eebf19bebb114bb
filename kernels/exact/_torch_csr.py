"""Builds the torch CSR tensor that torch's own kernels multiply with."""

import torch

from rsc_bench.kernels.csr import Csr


def torch_csr(matrix: Csr, dtype: torch.dtype) -> torch.Tensor:
    """Return `matrix` as a torch CSR tensor with values of `dtype`; int32 indices are shared and stay so.

    Values of a scaling are made here, and are the tensor's own. Checking the invariants would cost more than a sampled multiply,
    and a `Csr` keeps them already.
    """
    value = matrix.value
    value = torch.ones(matrix.nnz, dtype=dtype, device=matrix.device) if value is None else value.to(dtype)
    col = matrix.col.to(matrix.rowptr.dtype)  # torch wants both of one type, so int64 offsets make the columns int64 too
    return torch.sparse_csr_tensor(matrix.rowptr, col, value, matrix.shape, check_invariants=False)
