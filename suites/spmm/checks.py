"""Finds what is wrong with the result of a kernel, and says where."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator

import numpy as np
import torch

from rsc_bench import allocator
from rsc_bench.harness.measure.work import Wrong
from rsc_bench.kernels import Csr, Kernel
from rsc_bench.precision import Sizes
from rsc_bench.suites.spmm.operands import Operands
from rsc_bench.suites.spmm.reference import relative_error

_NAMED = 3
"""Rows and columns that are named of those that are wrong."""


def check_type(found: object) -> None:
    """Raise `Wrong` where a result is no tensor, or one of a class of its own: that may compute when it is looked at, untimed."""
    if type(found) is not torch.Tensor:
        kind = "plain " * isinstance(found, torch.Tensor)
        raise Wrong(f"result must be a {kind}tensor (got {type(found).__name__})")


def check_form(found: object, made: Operands) -> None:
    """Raise `Wrong` where a result is no tensor of the right shape, dtype, layout and device."""
    dense = made.dense
    shape = (made.matrix.shape[0], dense.shape[1]) if made.left is None else (made.matrix.nnz,)
    check_type(found)
    assert isinstance(found, torch.Tensor)
    if tuple(found.shape) != shape:
        raise Wrong(f"result must have shape {shape} (got {tuple(found.shape)})")
    if found.dtype is not dense.dtype:
        raise Wrong(f"result must be of the operand's dtype, {_short(dense.dtype)} (got {_short(found.dtype)})")
    if found.layout is not torch.strided or found.device != dense.device:
        raise Wrong(f"result must be dense and on {dense.device} (got {_short(found.layout)} on {found.device})")


def tolerance(kernel: Kernel, matrix: Csr, dense: torch.Tensor, wanted: np.ndarray | torch.Tensor) -> float:
    """Return the largest relative error that a right kernel may have with a product, by what it computes in and stores.

    Args:
        kernel: whose result is judged.
        matrix: what is multiplied, its values those that a mean has.
        dense: the operand, in what the kernel stores.
        wanted: the product in float64.
    """
    return kernel.computes_in(dense.dtype).tolerance(sizes(matrix, dense, wanted), _short(dense.dtype))


def sizes(matrix: Csr, dense: torch.Tensor, wanted: np.ndarray | torch.Tensor) -> Sizes:
    """Return what the error of a product depends on; as `tolerance` takes them."""
    squares = float(matrix.column_norms.double().square().sum())
    return Sizes(
        longest_row=int(matrix.row_nnz.max()) if matrix.shape[0] else 0,
        value=(squares / max(matrix.nnz, 1)) ** 0.5,
        dense=root_mean_square(dense),
        result=root_mean_square(torch.as_tensor(wanted)),
    )


def root_mean_square(tensor: torch.Tensor) -> float:
    """Return the size of a number of a tensor, worked out in float64."""
    norm = float(torch.linalg.vector_norm(tensor, dtype=torch.float64))
    return norm / math.sqrt(max(tensor.numel(), 1))


def check_values(found: torch.Tensor, wanted: np.ndarray | torch.Tensor, most: float) -> float:
    """Return the relative error of a result; raises `Wrong`, saying where, when it is above `most` or no number."""
    error = relative_error(found, wanted)
    if not error <= most:  # written so that NaN does not pass
        place = where(found, torch.as_tensor(wanted).cpu().double().numpy(), most)
        raise Wrong(f"relative error against float64 must be at most {most:.3g} (got {error:g}): {place}")
    return error


def within(most: float) -> Callable[[torch.Tensor, torch.Tensor], object]:
    """Return what raises `Wrong` where two results, each as far as `most` from the right one, are further from each other."""

    def alike(first: torch.Tensor, second: torch.Tensor) -> None:
        if not torch.equal(second, first):  # which is read in a fraction of the time
            check_values(second, first, 2 * most)

    return alike


def where(found: torch.Tensor, wanted: np.ndarray, most: float) -> str:
    """Return which rows and columns of a result are wrong, or which non-zeros, how many, and the worst of it."""
    given = found.detach().cpu().double().numpy()
    size = np.sqrt(np.mean(wanted**2)) or 1.0
    with np.errstate(invalid="ignore", over="ignore"):
        off = np.abs(given - wanted)
        bad = ~(off <= most * np.maximum(np.abs(wanted), size))
    off[np.isnan(off)] = np.inf
    if off.ndim == 1:
        at = int(np.argmax(off))
        return (
            f"{_some('non-zero', np.flatnonzero(bad), len(wanted))}, worst at [{at}], {given[at]:.6g} in place of {wanted[at]:.6g}"
        )
    row, column = np.unravel_index(int(np.argmax(off)), off.shape)
    rows, columns = np.flatnonzero(bad.any(1)), np.flatnonzero(bad.any(0))
    worst = f"worst at [{row}, {column}], {given[row, column]:.6g} in place of {wanted[row, column]:.6g}"
    return f"{_some('row', rows, len(wanted))}, {_some('column', columns, wanted.shape[1])}, {worst}"


def _some(what: str, indices: np.ndarray, of: int) -> str:
    named = ", ".join(map(str, indices[:_NAMED])) + ", ..." * (len(indices) > _NAMED)
    return f"{len(indices):,} of {of:,} {what}s ({named})"


def _short(value: object) -> str:
    return str(value).removeprefix("torch.")


class Kept:
    """A result that is kept, to see whether a later call writes into it: it holds a number that no product is made of."""

    _MARK = -1232.0

    def __init__(self, result: torch.Tensor) -> None:
        self._result = result.detach()
        try:
            self._result.fill_(self._MARK)
        except RuntimeError as error:
            raise Wrong("result must have memory of its own (some of its elements share theirs)") from error

    def check(self) -> None:
        """Raise `Wrong` where something else was written."""
        # Not compared number by number, which makes a mask of all of it; what is no number is the least and the largest too.
        if self._result.numel() and [float(each) for each in torch.aminmax(self._result)] != [self._MARK] * 2:
            raise Wrong("result must have memory of its own (a later call wrote into that of an earlier result)")


def check_memory(call: Callable[[], torch.Tensor], made: Operands, alike: Callable[[torch.Tensor, torch.Tensor], object]) -> Kept:
    """Raise `Wrong` where two results of one product share memory with each other or with an operand, or are not whole.

    Return the first of them. `alike` raises `Wrong` where the second is another than the first.
    """
    first = call()
    with poisoned(first):
        second = call()
    alike(first, second)
    for name, other in [("an earlier result", first), *(("its operand", part) for part in made.parts)]:
        if _overlap(second, other):
            raise Wrong(f"result must have memory of its own (it shares that of {name})")
    return Kept(first)


def _overlap(one: torch.Tensor, other: torch.Tensor) -> bool:
    (start, end), (begin, stop) = _span(one), _span(other)
    return start < stop and begin < end


def _span(tensor: torch.Tensor) -> tuple[int, int]:
    storage = tensor.untyped_storage()
    return storage.data_ptr(), storage.data_ptr() + storage.nbytes()


@contextlib.contextmanager
def poisoned(like: torch.Tensor) -> Iterator[None]:
    """Let memory that is not written be seen: what is allocated meanwhile holds large numbers, or NaN on a GPU.

    On a CPU the C library fills what it hands out (glibc, mallopt(3), M_PERTURB); elsewhere nothing does.
    """
    if like.is_cuda:
        spoilt = [torch.full_like(like, float("nan")) for _ in range(2)]
        del spoilt  # which torch's allocator hands out again
        yield
        return
    with allocator.filled(1):
        yield
