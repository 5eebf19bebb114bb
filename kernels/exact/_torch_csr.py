"""Builds the torch CSR tensor that torch's own kernels multiply with."""

import torch

from kernels.csr import Csr


def torch_csr(matrix: Csr, dtype: torch.dtype) -> torch.Tensor:
    """Return `matrix` as a torch CSR tensor with values of `dtype`; the indices are shared and stay int32.

    Checking the invariants would cost more than a sampled multiply, and a `Csr` keeps them already.
    """
    value = torch.ones(matrix.nnz, dtype=dtype, device=matrix.device) if matrix.value is None else matrix.value.to(dtype)
    return torch.sparse_csr_tensor(matrix.rowptr, matrix.col, value, matrix.shape, check_invariants=False)
