"""Sparse matrix products: the kernels, what samples in front of them, and the RSC method around both; measures nothing."""

if __name__ != "rsc_bench.kernels":
    raise ImportError(
        f"{__path__[0]} is a folder of RSC Bench and is imported as rsc_bench.kernels: write `from rsc_bench import Csr, Kernel`, "
        "and `from rsc_bench import approximate` in place of `from kernels.rsc import approximate`; to use the package `kernels` "
        "of PyPI, start Python in another folder",
        name=__name__,
    )

from pathlib import Path

from rsc_bench.caches import keep_compiled
from rsc_bench.kernels.contract import Kernel, Multiply, Prepare, Reduce, Unsupported
from rsc_bench.kernels.csr import Csr

__all__ = ["Csr", "Kernel", "Multiply", "Prepare", "Reduce", "Unsupported"]

keep_compiled(Path(__file__).parent)  # before any of our modules imports Numba, which reads its settings once
