"""Sparse kernels and the contract they keep; knows torch, knows nothing of measuring."""

from kernels.contract import Kernel, Multiply, Prepare, Reduce, Unsupported
from kernels.csr import Csr

__all__ = ["Csr", "Kernel", "Multiply", "Prepare", "Reduce", "Unsupported"]
