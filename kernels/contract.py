"""What a kernel is: a name, a way to prepare it for one matrix, and the multiply that comes out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, Protocol, get_args

import torch

from rsc_bench.kernels.csr import Csr
from rsc_bench.optional import present

Reduce = Literal["sum", "mean"]
Device = Literal["cpu", "cuda"]
Role = Literal["ours", "vendor", "other"]


class Unsupported(Exception):
    """A kernel cannot multiply this; the message is the reason that a record keeps."""


class Multiply(Protocol):
    """A kernel prepared for one matrix: call it with the dense operand."""

    def __call__(self, dense: torch.Tensor, /) -> torch.Tensor:
        """Return ``matrix @ dense``.

        Args:
            dense: (matrix.shape[1], width), of the dtype and on the device that the kernel was prepared for, contiguous.

        Returns:
            (matrix.shape[0], width), same dtype and device, freshly allocated.
        """
        ...


class Prepare(Protocol):
    """Builds a `Multiply`; what it does is paid once and timed apart."""

    def __call__(self, matrix: Csr, width: int, dtype: torch.dtype, reduce: Reduce = "sum") -> Multiply:
        """Return the multiply for `matrix`, or raise `Unsupported` with the reason.

        Args:
            matrix: the sparse operand, on the kernel's device.
            width: columns of the dense operands to come.
            dtype: of the dense operands and the result; values are cast to it, sums are kept in float32 or wider.
            reduce: ``"sum"``, or ``"mean"``: each row's sum over its number of non-zeros, 0 for an empty row.
        """
        ...


class Tune(Protocol):
    """Searches and compiles what preparing for a matrix then finds done; waits for the device."""

    def __call__(self, matrix: Csr, width: int, dtype: torch.dtype, reduce: Reduce = "sum") -> None:
        """Take the arguments of `Prepare`; a bounded matrix where the kernel has a `Kernel.prepare_bounded`."""
        ...


@dataclass(frozen=True)
class Kernel:
    """An SpMM under a name; a file in ``kernels/exact`` that defines ``KERNEL = Kernel(...)`` is one.

    Raises ``ValueError`` for a name, a device or a role that would not be understood later.
    """

    name: str
    device: Device
    summary: str
    """One sentence: what it is and whose."""
    prepare: Prepare
    role: Role = "other"
    """A sweep that names no kernel measures them all, samples in front of ours and the vendor's, and ablates in front of ours."""
    exact: bool = True
    """False where only some of the column-row pairs are multiplied."""
    missing: Callable[[], str | None] = present
    """Why it cannot run on this machine, with the remedy; None where it can."""
    prepare_bounded: Prepare | None = None
    """Prepares for a bounded matrix, whose size only its device knows, without waiting for that; None: it cannot.

    What it returns waits for nothing either, and is fit for a CUDA graph.
    """
    separable: bool = False
    """True: of a matrix with a `Scaling` it reads the factors, and no value for each non-zero."""
    tune: Tune | None = None
    """Called before `prepare`, so that the time to prepare has no search and no compiling in it; None: it has none anyway.

    Preparing works without it: `prepare` then searches itself, and `prepare_bounded`, which cannot, goes by a guess.
    """

    def __post_init__(self) -> None:
        for complaint in _complaints(self):
            raise ValueError(complaint)


def _complaints(kernel: Any) -> Iterator[str]:
    """Say what of a kernel breaks the contract: rule, value and remedy."""
    if not isinstance(kernel.name, str) or not kernel.name.strip():
        yield f"a kernel's name must be a text that is not empty (got {kernel.name!r}): records and --kernel call it by that"
    elif kernel.exact and not re.fullmatch(r"[\w.-]+", kernel.name):
        yield f"an exact kernel's name must be letters, digits, '_', '.' and '-' (got {kernel.name!r}): it stands in `topk(mkl)`"
    if kernel.device not in get_args(Device):
        yield _wrong(kernel, "device", "be 'cpu' or 'cuda'", "`--device` chooses which GPU")
    if kernel.role not in get_args(Role):
        yield _wrong(kernel, "role", "be 'ours', 'vendor' or 'other'", "leave it out for 'other'")
    for part in ("prepare", "missing"):
        if not callable(getattr(kernel, part)):
            yield _wrong(kernel, part, "be a function", "give the function itself, not what it returns")
    for part in ("prepare_bounded", "tune"):
        if getattr(kernel, part) is not None and not callable(getattr(kernel, part)):
            yield _wrong(kernel, part, "be a function or None", "leave it out where there is none")


def _wrong(kernel: Any, part: str, rule: str, remedy: str) -> str:
    return f"kernel {kernel.name!r}: {part} must {rule} (got {getattr(kernel, part)!r}): {remedy}"
