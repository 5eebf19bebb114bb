"""The contract: what every kernel must do, in small, with each form of a matrix, width and dtype."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import product
from typing import Literal, get_args

import numpy as np
import torch

from rsc_bench.harness.measure.work import Skip, Wrong
from rsc_bench.kernels import Csr, Kernel, Reduce, Unsupported
from rsc_bench.kernels.contract import EXTREMA, SDDMM, SUMS
from rsc_bench.kernels.sampled.approximate import Own, cached, own
from rsc_bench.suites.options import DTYPES
from rsc_bench.suites.spmm.approximate.checks import check_alike, check_promise
from rsc_bench.suites.spmm.checks import check_form, check_memory, check_values, tolerance, within
from rsc_bench.suites.spmm.dots.tolerance import dots_tolerance
from rsc_bench.suites.spmm.fingerprint import Fingerprint
from rsc_bench.suites.spmm.operands import Operands
from rsc_bench.suites.spmm.reference import dots64, extremum64

Values = Literal["values", "no-values", "factors"]
"""A value for each non-zero, none (all ones), or one factor for each row and column."""
WIDTHS = (1, 3, 17, 64)
COUNTS = (3, 0, 9, 1, 0, 0, 2, 9, 4, 1, 5, 2, 0)
"""Non-zeros of each row: empty rows in the front, the middle and at the end, and rows that are full."""
COLUMNS = 9


@dataclass(frozen=True)
class Trial:
    """One thing that a kernel must do."""

    kernel: str
    values: Values
    reduce: Reduce
    dtype: str
    width: int

    def __str__(self) -> str:
        """The id of its test."""
        return f"{self.kernel}-{self.values}-{self.reduce}-{self.dtype}-d{self.width}"


def trials(kernel: str, reduces: tuple[Reduce, ...] = SUMS) -> Iterator[Trial]:
    """Yield all that a kernel which computes `reduces` must do."""
    for values, reduce, dtype, width in product(get_args(Values), reduces, DTYPES, WIDTHS):
        yield Trial(kernel, values, reduce, dtype, width)


def check(kernel: Kernel, trial: Trial) -> None:
    """Raise `Wrong` where a kernel does not do as it must, and `Skip` where it says that it cannot."""
    reason = kernel.why_not()
    if reason is not None:
        raise Skip(reason)
    matrix, dense = matrix_of(trial.values).to(kernel.device), _dense(COLUMNS, trial.width).to(kernel.device, DTYPES[trial.dtype])
    if kernel.operation == SDDMM:
        made = Operands(matrix, dense, _dense(len(COUNTS), trial.width, seed=3).to(dense))
        check_dots(kernel, made)
        check_dots_gradient(kernel, made)
        return
    if not kernel.exact:
        check_approximation(kernel, matrix, dense, trial.reduce)
        return
    check_product(kernel, matrix, dense, trial.reduce)
    if trial.reduce not in EXTREMA:  # whose gradient goes to one of several where these are equal
        check_gradient(kernel, matrix, dense, trial.reduce)


def check_on(kernel: Kernel, matrix: Csr, width: int, reduce: Reduce) -> None:
    """Raise `Wrong` where a kernel is wrong with a matrix or its transpose, in float32: what a training multiplies with it."""
    for each, how in ((matrix, reduce), (matrix.transpose(), "sum")):
        check_product(kernel, each, _dense(each.shape[1], width).to(matrix.device), how)


def check_product(kernel: Kernel, matrix: Csr, dense: torch.Tensor, reduce: Reduce) -> None:
    """Raise `Wrong` where one product is not as it must be, and `Skip` where the kernel says that it cannot."""
    wanted = _product(matrix, dense, reduce)
    most = tolerance(kernel, matrix.mean() if reduce == "mean" else matrix, dense, wanted)
    _check_called(kernel, Operands(matrix, dense), reduce, Wanted(lambda made: _product(made.matrix, made.dense, reduce), most))


def check_dots(kernel: Kernel, made: Operands) -> None:
    """Raise `Wrong` where the dot products of a kernel are not as they must be, and `Skip` where it says that it cannot."""
    _check_called(kernel, made, "sum", Wanted(dots64, dots_tolerance(kernel, made, dots64(made))))


@dataclass(frozen=True)
class Wanted:
    """What a kernel must give."""

    of: Callable[[Operands], np.ndarray]
    """From the operands to the result in float64."""
    most: float
    """The largest relative error."""


def _check_called(kernel: Kernel, ours: Operands, reduce: Reduce, wanted: Wanted) -> None:
    """Check a kernel with operands, and with each of them turned round, one after the other."""
    given, mark, first = ours.copied(), Fingerprint(ours.matrix), wanted.of(ours)
    try:
        multiply = kernel.prepare(given.matrix, ours.dense.shape[1], ours.dense.dtype, reduce)
        found = multiply(*given.parts)
    except Unsupported as unsupported:
        raise Skip(str(unsupported)) from unsupported
    _check(found, ours, first, wanted.most)
    check_memory(lambda: multiply(*given.parts), given, within(wanted.most))
    if not all(map(torch.equal, given.parts, ours.parts)) or mark.changed():
        raise Wrong("changed its operand")
    for part in given.parts:
        part.neg_()
        turned = wanted.of(given)
        _check(multiply(*given.parts), ours, turned, wanted.most)
    _check(found, ours, first, wanted.most)  # what it gave first is still what it was


def check_approximation(kernel: Kernel, matrix: Csr, dense: torch.Tensor, reduce: Reduce) -> None:
    """Raise `Wrong` where an approximation is not what it says, fresh and cached; `Skip` where it says that it cannot."""
    for each in (kernel, cached(kernel, 2)) if kernel.selects else (kernel,):
        _check_approximation(each, matrix, dense, reduce)


def _check_approximation(kernel: Kernel, matrix: Csr, dense: torch.Tensor, reduce: Reduce) -> None:
    ours, given, mark = Operands(matrix, dense), Operands(matrix, dense.clone()), Fingerprint(matrix)
    try:
        multiply = kernel.prepare(given.matrix, dense.shape[1], dense.dtype, reduce)
    except Unsupported as unsupported:
        raise Skip(str(unsupported)) from unsupported
    approximation = own(multiply) or Own(kernel, multiply, matrix.shape)
    for _ in range(3):
        found = approximation(given.dense)
        check_form(found, ours)
        check_promise(found, approximation, ours, kernel.computes_in(dense.dtype))
    exact = _product(matrix, dense, reduce)
    check_memory(lambda: approximation(given.dense), given, lambda first, second: check_alike(first, second, exact))
    if not torch.equal(given.dense, dense) or mark.changed():
        raise Wrong("changed its operand")


def check_gradient(kernel: Kernel, matrix: Csr, dense: torch.Tensor, reduce: Reduce) -> None:
    """Raise `Wrong` where a product has a gradient of its dense operand that is not the right one; having none is right too.

    A kernel that computes none raises an error when it is asked for one, of its own or of the checks in front of it.
    """
    multiply, learnt = kernel.prepare(matrix, dense.shape[1], dense.dtype, reduce), dense.clone().requires_grad_()
    upstream = _dense(matrix.shape[0], dense.shape[1]).to(dense)
    try:
        multiply(learnt).backward(upstream)
    except (ValueError, RuntimeError):
        return
    if learnt.grad is None:
        raise Wrong("gradient of the dense operand must be right or refused (got none, and no error)")
    backward = (matrix.mean() if reduce == "mean" else matrix).transpose()
    wanted = _product(backward, upstream, "sum")
    try:
        check_values(learnt.grad, wanted, tolerance(kernel, backward, upstream, wanted))
    except Wrong as error:
        raise Wrong(f"gradient of the dense operand must be right or refused: {error}") from None


def check_dots_gradient(kernel: Kernel, made: Operands) -> None:
    """Raise `Wrong` where dot products have a gradient of an operand that is not the right one; having none is right too."""
    assert made.left is not None
    multiply = kernel.prepare(made.matrix, made.dense.shape[1], made.dense.dtype)
    learnt = [part.clone().requires_grad_() for part in made.parts]
    upstream = _dense(made.matrix.nnz, 1, seed=4)[:, 0].to(made.dense)
    try:
        multiply(*learnt).backward(upstream)
    except (ValueError, RuntimeError):
        return
    scores = replace(made.matrix, entries=upstream.float(), scaling=None, _transposed=[])
    # What is scored by a row is drawn to its column, and the other way round.
    sides = (("left", scores, made.dense), ("right", scores.transpose(), made.left))
    for (name, by, other), operand in zip(sides, learnt, strict=True):
        if operand.grad is None:
            raise Wrong(f"gradient of the {name} operand must be right or refused (got none, and no error)")
        wanted = _product(by, other, "sum")
        try:
            check_values(operand.grad, wanted, tolerance(kernel, by, other, wanted))
        except Wrong as error:
            raise Wrong(f"gradient of the {name} operand must be right or refused: {error}") from None


def matrix_of(values: Values) -> Csr:
    """Return a small matrix, 13 x 9, with empty and full rows."""
    generator = torch.Generator().manual_seed(1)
    rows = [torch.randperm(COLUMNS, generator=generator)[:count].sort().values for count in COUNTS]
    rowptr = torch.tensor([0, *np.cumsum(COUNTS)], dtype=torch.int32)
    nnz = int(rowptr[-1])
    entries = torch.randn(nnz, generator=generator) if values == "values" else None
    matrix = Csr(rowptr, torch.cat(rows).int(), entries, (len(COUNTS), COLUMNS), "contract")
    if values != "factors":
        return matrix
    scaled = matrix.scale_rows(torch.rand(len(COUNTS), generator=generator) + 0.5)
    return scaled.scale_columns(torch.rand(COLUMNS, generator=generator) + 0.5)


def _dense(rows: int, width: int, seed: int = 2) -> torch.Tensor:
    return torch.randn(rows, width, generator=torch.Generator().manual_seed(seed))


def _product(matrix: Csr, dense: torch.Tensor, reduce: Reduce) -> np.ndarray:
    if reduce in EXTREMA:
        return extremum64(matrix, dense, reduce)
    whole: np.ndarray = matrix.to_scipy() @ dense.cpu().double().numpy()
    counts = matrix.rowptr.diff().clamp(min=1).cpu().numpy()[:, None]
    return whole / counts if reduce == "mean" else whole


def _check(found: torch.Tensor, made: Operands, wanted: np.ndarray, most: float) -> None:
    check_form(found, made)
    check_values(found, wanted, most)
