"""Sparse kernels and the contract they keep; knows torch, knows nothing of measuring."""

from rsc_bench.kernels.contract import Kernel, Multiply, Prepare, Reduce, Unsupported
from rsc_bench.kernels.csr import Csr

__all__ = ["Csr", "Kernel", "Multiply", "Prepare", "Reduce", "Unsupported"]
