"""cuSPARSE's CSR SpMM called directly, with descriptors and workspace that are made once: the vendor's kernel at its best."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import torch

from kernels.contract import Kernel, Multiply, Reduce, Unsupported
from kernels.csr import Csr
from kernels.exact import _cusparse, cusparse
from kernels.exact._torch_csr import torch_csr

_TRIED = 3
"""Calls of which the fastest speaks for an algorithm."""


def prepare(matrix: Csr, width: int, dtype: torch.dtype, reduce: Reduce = "sum") -> Multiply:
    """Return the multiply of the algorithm that is fastest for `matrix`, tried here; sums are float32.

    Raises:
        Unsupported: for a dtype other than float32 and bfloat16, and where cuSPARSE refuses with every algorithm.
    """
    if dtype not in (torch.float32, torch.bfloat16):
        raise Unsupported(f"cusparse_reused multiplies float32 and bfloat16 (got {dtype})")
    if matrix.nnz == 0 or width == 0:  # cuSPARSE refuses operands without an address
        return partial(_zeros, matrix.shape[0])
    operand = torch_csr(matrix.mean() if reduce == "mean" else matrix, dtype)
    refused: list[str] = []
    found = list(_made(operand, width, refused))
    if not found:
        raise Unsupported(f"cuSPARSE refuses: {'; '.join(refused)}")
    dense = torch.zeros(matrix.shape[1], width, dtype=dtype, device=matrix.device)
    return min(found, key=lambda multiply: min(elapsed_ms(multiply, dense) for _ in range(_TRIED)))


def _made(operand: torch.Tensor, width: int, refused: list[str]) -> Iterator[_cusparse.Spmm]:
    """Yield the product by each algorithm that takes the operands."""
    for name, algorithm in _cusparse.ALGORITHMS.items():
        try:
            yield _cusparse.Spmm(_cusparse.library(), operand, width, algorithm)
        except Unsupported as reason:
            refused.append(f"{name}: {reason}")


def elapsed_ms(multiply: Multiply, dense: torch.Tensor) -> float:
    """Return the milliseconds of one call, by the device's own clock."""
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
    stream = torch.cuda.current_stream(dense.device)
    start.record(stream)
    multiply(dense)
    end.record(stream)
    end.synchronize()
    return float(start.elapsed_time(end))


def _zeros(rows: int, dense: torch.Tensor) -> torch.Tensor:
    return torch.zeros(rows, dense.shape[1], dtype=dense.dtype, device=dense.device)


def missing() -> str | None:
    """Return why cuSPARSE cannot be called directly, or None."""
    reason = cusparse.missing()
    if reason is not None:
        return reason
    try:
        _cusparse.library()
    except (OSError, AttributeError) as error:
        return f"{_cusparse.LIBRARY} cannot be used ({error}): install a CUDA build of torch of 2.10 or later"
    return None


KERNEL = Kernel(
    name="cusparse_reused",
    device="cuda",
    says="cuSPARSE called directly, CSR_ALG2 or CSR_ALG3 whichever is faster, descriptors and workspace reused; int32 indices.",
    prepare=prepare,
    missing=missing,
)
