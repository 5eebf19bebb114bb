"""cuSPARSE's CSR SpMM called directly, with descriptors and workspace that are made once: the vendor's kernel at its best."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import torch

from rsc_bench.kernels.contract import Kernel, Multiply, Reduce, Unsupported
from rsc_bench.kernels.csr import Csr
from rsc_bench.kernels.exact import cusparse
from rsc_bench.kernels.exact._cusparse import ALGORITHMS, Loader, Spmm
from rsc_bench.kernels.exact._torch_csr import torch_csr
from rsc_bench.kernels.padding import cut, padded

_TRIED = 3
"""Calls of which the fastest speaks for an algorithm."""
_USUAL = "CSR_ALG2"
"""Where nothing like it was tried: what torch calls, too."""

Like = tuple[torch.device, tuple[int, int], int, torch.dtype]
"""Device, shape of the matrix, width and dtype: of what has these in common, samples differ in their non-zeros alone."""


def elapsed_ms(multiply: Multiply, dense: torch.Tensor) -> float:
    """Return the milliseconds of one call, by the device's own clock."""
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
    stream = torch.cuda.current_stream(dense.device)
    start.record(stream)
    multiply(dense)
    end.record(stream)
    end.synchronize()
    return float(start.elapsed_time(end))


class CusparseReused:
    """Prepares `cusparse_reused`, and remembers which algorithm was fastest, so that what was tuned for is tried no more."""

    def __init__(self, loader: Loader, elapsed_ms: Callable[[Multiply, torch.Tensor], float] = elapsed_ms) -> None:
        """Take what loads cuSPARSE when it is needed, and what times a call."""
        self._loader, self._elapsed_ms = loader, elapsed_ms
        self._fastest: dict[Like, dict[int, str]] = {}
        """The algorithm that was fastest, by number of non-zeros."""

    def prepare(self, matrix: Csr, width: int, dtype: torch.dtype, reduce: Reduce = "sum") -> Multiply:
        """Return the multiply of the algorithm that is fastest for `matrix`, tried here unless `tune` has; sums are float32.

        Raises:
            Unsupported: for a dtype other than float32 and bfloat16, and where cuSPARSE refuses with every algorithm.
        """
        _check(dtype)
        if matrix.nnz == 0 or width == 0:  # cuSPARSE refuses operands without an address
            return partial(_zeros, matrix.shape[0])
        operand = torch_csr(matrix.mean() if reduce == "mean" else matrix, dtype)
        known = self._fastest.setdefault(_like(matrix, width, dtype), {})
        if matrix.nnz in known:
            return self._made(operand, width, known[matrix.nnz])
        name, multiply = self._tried(operand, width)
        known[matrix.nnz] = name
        return multiply

    def prepare_bounded(self, matrix: Csr, width: int, dtype: torch.dtype, reduce: Reduce = "sum") -> Multiply:
        """Return the multiply for a matrix whose rows only the device knows, by the algorithm that was fastest for its like.

        Nothing is tried here, because the host would wait for it: where `tune` has not met this number of non-zeros, the nearest
        one of this shape speaks for it.
        """
        _check(dtype)
        if reduce == "mean":
            raise Unsupported("cusparse_reused takes a bounded matrix for sums alone: give it the mean's values")
        whole = padded(matrix)
        if whole.nnz == 0 or width == 0:
            return partial(_zeros, matrix.shape[0])
        known = self._fastest.get(_like(whole, width, dtype), {})
        name = known[min(known, key=lambda nnz: abs(nnz - whole.nnz))] if known else _USUAL
        return cut(self._made(torch_csr(whole, dtype), width, name), matrix.shape[0])

    def tune(self, matrix: Csr, width: int, dtype: torch.dtype, reduce: Reduce = "sum") -> None:
        """Try the algorithms for a matrix, or for bounded ones of its shape and non-zeros; anew, whatever was tried before.

        What is prepared without it goes by what was tried last for as many non-zeros: a matrix and its transpose share that.
        """
        whole = padded(matrix) if matrix.bounded else matrix
        self._fastest.get(_like(whole, width, dtype), {}).pop(whole.nnz, None)
        self.prepare(whole, width, dtype, reduce)

    def _tried(self, operand: torch.Tensor, width: int) -> tuple[str, Multiply]:
        """Return the fastest algorithm that takes the operands, and its product."""
        refused: list[str] = []
        found = dict(self._all(operand, width, refused))
        if not found:
            raise Unsupported(f"cuSPARSE refuses: {'; '.join(refused)}")
        own = torch.Generator(operand.device).manual_seed(0)  # a GPU is slower on random numbers than on zeros
        dense = torch.randn(operand.shape[1], width, generator=own, device=operand.device).to(operand.dtype)
        return min(found.items(), key=lambda each: min(self._elapsed_ms(each[1], dense) for _ in range(_TRIED)))

    def _all(self, operand: torch.Tensor, width: int, refused: list[str]) -> Iterator[tuple[str, Spmm]]:
        """Yield the product by each algorithm that takes the operands."""
        for name in ALGORITHMS:
            try:
                yield name, self._made(operand, width, name)
            except Unsupported as reason:
                refused.append(f"{name}: {reason}")

    def _made(self, operand: torch.Tensor, width: int, name: str) -> Spmm:
        return Spmm(self._loader.library, operand, width, name)


def _like(matrix: Csr, width: int, dtype: torch.dtype) -> Like:
    return matrix.device, matrix.shape, width, dtype


def _check(dtype: torch.dtype) -> None:
    if dtype not in (torch.float32, torch.bfloat16):
        raise Unsupported(f"cusparse_reused multiplies float32 and bfloat16 (got {dtype})")


def _zeros(rows: int, dense: torch.Tensor) -> torch.Tensor:
    return torch.zeros(rows, dense.shape[1], dtype=dense.dtype, device=dense.device)


_LOADER = Loader()
_REUSED = CusparseReused(_LOADER)


def missing() -> str | None:
    """Return why cuSPARSE cannot be called directly, or None."""
    return cusparse.missing() or _LOADER.missing()


KERNEL = Kernel(
    name="cusparse_reused",
    device="cuda",
    summary="cuSPARSE called directly, CSR_ALG2 or CSR_ALG3 whichever is faster, descriptors and workspace reused; int32 indices.",
    prepare=_REUSED.prepare,
    missing=missing,
    prepare_bounded=_REUSED.prepare_bounded,
    tune=_REUSED.tune,
)
