"""Our CPU SDDMM: dot products in vector registers, non-zeros shared out over threads wherever rows begin."""

from __future__ import annotations

import torch

from rsc_bench.kernels.contract import SDDMM, Dots, Kernel, Reduce
from rsc_bench.kernels.csr import Csr
from rsc_bench.optional import lacking


def prepare(matrix: Csr, width: int, dtype: torch.dtype, reduce: Reduce = "sum") -> Dots:
    """Return the dot products for `matrix`; the code for a new width is compiled here (and kept on disk), never while timed.

    Raises:
        Unsupported: for float16 on a CPU that does not convert it.
    """
    from rsc_bench.kernels.exact._rows_numba.dots import prepared  # needs Numba, without which the kernel is still one of SDDMM

    del reduce
    return prepared(matrix, width, dtype)


def load(matrix: Csr, width: int, dtype: torch.dtype, reduce: Reduce = "sum") -> None:
    """Compile, which a process does once for a width, before the time to prepare is taken."""
    prepare(matrix, width, dtype, reduce)


def missing() -> str | None:
    """Return why it cannot run, or None."""
    return lacking("numba")


KERNEL = Kernel(
    name="sddmm_numba",
    device="cpu",
    summary="Ours: dot products in vector registers, non-zeros shared out evenly over threads; results from a pool.",
    prepare=prepare,
    role="ours",
    missing=missing,
    tune=load,
    operation=SDDMM,
)
