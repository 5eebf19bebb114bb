"""What a kernel is: a name, a way to prepare it for one matrix, and the multiply that comes out."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

import torch

from rsc_bench.fields import Plugin
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
class Kernel(Plugin):
    """An SpMM under a name; a file in ``kernels/exact`` that defines ``KERNEL = Kernel(...)`` is one.

    Raises ``ValueError`` for a name or a value that would not be understood later.
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
        super().__post_init__()
        if self.exact and not re.fullmatch(r"[\w.-]+", self.name):
            rule = "must be letters, digits, '_', '.' and '-'"
            raise ValueError(f"an exact kernel's name {rule} (got {self.name!r}): it stands in `topk(mkl)`")
        if self.name.endswith(".py"):
            raise ValueError(f"a kernel's name must not end in .py (got {self.name!r}): --kernel takes that for a file")
