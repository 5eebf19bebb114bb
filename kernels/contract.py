"""What a kernel is: a name, a way to prepare it for one matrix, and the multiply that comes out.

What either is given is checked here, in front of every kernel, ours, a vendor's or a user's: the code behind looks at nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from numbers import Integral
from typing import Any, Literal, NoReturn, Protocol, get_args

import torch

from rsc_bench.fields import Plugin
from rsc_bench.kernels.checked import kind, word
from rsc_bench.kernels.csr import Csr
from rsc_bench.kernels.prepared import Checked, CheckedDots
from rsc_bench.optional import present
from rsc_bench.precision import PRECISIONS, Precision, named
from rsc_bench.user_files import PluginError

Reduce = Literal["sum", "mean", "max", "min"]
_REDUCES = get_args(Reduce)
SUMS: tuple[Reduce, ...] = ("sum", "mean")
"""Aggregations that are a product with a matrix, which every kernel computes."""
EXTREMA: tuple[Reduce, ...] = ("max", "min")
"""Aggregations that a kernel computes where it says so (`Kernel.reduces`)."""
Operation = Literal["spmm", "sddmm"]
SPMM: Operation = "spmm"
"""A sparse matrix times a dense one, or another aggregation over its rows."""
SDDMM: Operation = "sddmm"
"""A dot product of two dense rows for each non-zero: sampled dense-dense matrix multiplication."""
Device = Literal["cpu", "cuda"]
Role = Literal["ours", "vendor", "other", "baseline"]
DTYPES = (torch.float32, torch.bfloat16, torch.float16, torch.float64)
"""What a dense operand may be of; a kernel says with `Unsupported` which of them it does not multiply."""


class Unsupported(Exception):
    """A kernel cannot multiply this; the message is the reason that a record keeps."""


class Multiply(Protocol):
    """A kernel prepared for one matrix: call it with the dense operand."""

    def __call__(self, dense: torch.Tensor, /) -> torch.Tensor:
        """Return ``matrix @ dense``.

        Args:
            dense: (matrix.shape[1], width), of the dtype and on the device that the kernel was prepared for. Whoever calls a
                `Kernel`'s may give any strides: a kernel gets it contiguous, and at an address that is a multiple of 16.

        Returns:
            (matrix.shape[0], width), same dtype and device, freshly allocated. Where `dense` requires a gradient it has the right
            one, or none: then the call is refused.

        Raises:
            ValueError: for another operand, with what was found.
        """
        ...


class Dots(Protocol):
    """A kernel of SDDMM prepared for one matrix: call it with the two dense operands."""

    def __call__(self, left: torch.Tensor, right: torch.Tensor, /) -> torch.Tensor:
        """Return a dot product for each non-zero (i, j) of the matrix, ``left[i] @ right[j]``; its value counts for nothing.

        Args:
            left: (matrix.shape[0], width), of the dtype and on the device that the kernel was prepared for, in form as the operand
                of a `Multiply` is.
            right: (matrix.shape[1], width), the same.

        Returns:
            (matrix.nnz,), same dtype and device, freshly allocated, in the order of the matrix's `col`. Where an operand requires a
            gradient it has the right one, or the result has none: then the call is refused.

        Raises:
            ValueError: for other operands, with what was found.
        """
        ...


class Prepare(Protocol):
    """Builds a `Multiply`, or for a kernel of SDDMM `Dots`; what it does is paid once and timed apart."""

    def __call__(self, matrix: Csr, width: int, dtype: torch.dtype, reduce: Reduce = "sum") -> Multiply | Any:
        """Return the multiply for `matrix`, or raise `Unsupported` with the reason.

        Args:
            matrix: the sparse operand, on the kernel's device.
            width: columns of the dense operands to come.
            dtype: of the dense operands and the result; values are cast to it, sums are kept in float32 or wider.
            reduce: ``"sum"``, or ``"mean"``: each row's sum over its number of non-zeros; ``"max"`` or ``"min"``: the largest or
                smallest of what a sum would add up. 0 for an empty row. A kernel of SDDMM is never given another than ``"sum"``.

        Raises:
            Unsupported: for what the kernel cannot multiply.
            ValueError: from a `Kernel`'s, for arguments that no kernel takes.
        """
        ...


class Tune(Protocol):
    """Searches and compiles what preparing for a matrix then finds done; waits for the device."""

    def __call__(self, matrix: Csr, width: int, dtype: torch.dtype, reduce: Reduce = "sum") -> None:
        """Take the arguments of `Prepare`; a bounded matrix where the kernel has a `Kernel.prepare_bounded`."""
        ...


@dataclass(frozen=True)
class _Guarded:
    """A function of a kernel, behind the checks that hold for every kernel."""

    kernel: str
    device: str
    reduces: tuple[Reduce, ...]
    function: Callable[..., Any]
    stores: tuple[str, ...] = ()
    operation: Operation = SPMM

    def check(self, matrix: Any, width: Any, dtype: Any, reduce: Any) -> None:
        """Raise ``ValueError`` for arguments that no kernel takes."""
        if not isinstance(matrix, Csr):
            makers = "Csr.from_scipy, Csr.from_torch and Csr.from_edge_index make one"
            self.refuse(f"the matrix must be a Csr (got {kind(matrix)}): {makers}")
        if matrix.device.type != self.device:
            self.refuse(f"the matrix must be on {self.device} (got {matrix.device}): give matrix.to({self.device!r})")
        if not isinstance(width, Integral) or width < 1:
            self.refuse(f"width must be a whole number of at least 1, the columns of the dense operands (got {width!r})")
        if dtype not in DTYPES:
            self.refuse(f"dtype must be one of {', '.join(map(word, DTYPES))} of torch (got {dtype!r})")
        if reduce not in _REDUCES:
            self.refuse(f"reduce must be one of {', '.join(_REDUCES)} (got {reduce!r})")

    def refuse(self, rule: str) -> NoReturn:
        """Raise ``ValueError`` with the kernel and the rule."""
        raise ValueError(f"kernel {self.kernel!r}: {rule}")

    def called(self, matrix: Csr, width: int, dtype: torch.dtype, reduce: Reduce) -> Any:
        """Check, then call the function; a sum is what it computes unless it is told otherwise."""
        self.check(matrix, width, dtype, reduce)
        if reduce not in self.reduces:
            raise Unsupported(f"{self.kernel} computes {', '.join(self.reduces)} (got {reduce})")
        if self.stores and word(dtype) not in self.stores:
            raise Unsupported(f"{self.kernel} stores {' and '.join(self.stores)} (got {word(dtype)})")
        return self.function(matrix, int(width), dtype, *(() if reduce == "sum" else (reduce,)))


class _Preparing(_Guarded):
    def __call__(self, matrix: Csr, width: int, dtype: torch.dtype, reduce: Reduce = "sum") -> Multiply | Any:
        """Prepare as `Prepare` says; what is prepared checks its operands."""
        multiply = self.called(matrix, width, dtype, reduce)
        if not callable(multiply):
            of = "the two dense operands" if self.operation == SDDMM else "the dense operand"
            raise PluginError(f"kernel {self.kernel!r}: preparing must return a function of {of} (got {multiply!r})")
        checked = CheckedDots if self.operation == SDDMM else Checked
        return checked(multiply, self.kernel, (matrix, width, dtype))


class _Tuning(_Guarded):
    def __call__(self, matrix: Csr, width: int, dtype: torch.dtype, reduce: Reduce = "sum") -> None:
        """Tune as `Tune` says."""
        self.called(matrix, width, dtype, reduce)


_OF_PRODUCTS = ("exact", "prepare_bounded", "prepare_sampled", "separable", "selects")
"""Fields of a `Kernel` that mean nothing where it computes dot products."""
_GUARDS = {"prepare": _Preparing, "prepare_bounded": _Preparing, "prepare_sampled": _Preparing, "tune": _Tuning}


@dataclass(frozen=True)
class Kernel(Plugin):
    """An SpMM or an SDDMM under a name; a file in ``kernels/exact`` that defines ``KERNEL = Kernel(...)`` is one.

    Raises ``ValueError`` for a name or a value that would not be understood later. Calling `prepare`, one of its kind, or `tune`
    of a kernel checks the arguments first, and what is prepared checks its operands: the function behind gets what it can take.
    """

    name: str
    device: Device
    summary: str
    """One sentence: what it is and whose."""
    prepare: Prepare
    role: Role = "other"
    """A sweep that names no kernel measures them all, samples in front of ours and the vendor's, and ablates in front of ours.

    All but baselines: these are other libraries', there to be compared with, and are measured where they are named.
    """
    exact: bool = True
    """False where not all of the matrix is multiplied: it is checked against what it says that it multiplied
    (`rsc_bench.kernels.sampled.approximate.Approximate`), stands with the sampled kernels, and is no baseline."""
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
    prepare_sampled: Prepare | None = None
    """Prepares for what a selection keeps of a matrix, where that is multiplied several times; None: `prepare` does.

    Rows are short there and their dense rows few, so that other things take the time than in the whole matrix.
    """

    precision: str | Precision | None = None
    """What it computes in: a name in `rsc_bench.precision.PRECISIONS`, or a class of its own; None: in the operand's dtype, sums in
    float32 (float64 in float64). By that its error is judged, and speedups are against the fastest exact kernel of the class."""
    stores: tuple[str, ...] = ()
    """Dtypes of dense operands and results that it takes, ``("float16",)``; empty: it says `Unsupported` of others itself."""
    selects: bool = False
    """Of one that is not exact: whether what it prepares chooses apart from multiplying, so that ``cached_NAME`` is there, too."""
    reduces: tuple[Reduce, ...] = SUMS
    """What it computes over each row; `prepare` is never asked for another."""
    operation: Operation = SPMM
    """``"sddmm"`` of a kernel that prepares `Dots`, of two dense operands: it is measured in a suite of its own, and multiplies in
    no training and behind no selection."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.exact and not re.fullmatch(r"[\w.-]+", self.name):
            rule = "must be letters, digits, '_', '.' and '-'"
            raise ValueError(f"an exact kernel's name {rule} (got {self.name!r}): it stands in `topk(mkl)`")
        if self.name.endswith(".py"):
            raise ValueError(f"a kernel's name must not end in .py (got {self.name!r}): --kernel takes that for a file")
        self._declared()
        for field, guard in _GUARDS.items():
            given = getattr(self, field)
            function = given.function if isinstance(given, _Guarded) else given  # of a kernel that this one is made of
            if function is not None:
                known = (self.name, self.device, self.reduces, function, self.stores, self.operation)
                object.__setattr__(self, field, guard(*known))

    def _declared(self) -> None:
        """Take the class of a name; raise ``ValueError`` for one that there is not, and for what its operands or operation lack."""
        if self.operation == SDDMM:
            self._of_dots()
        if isinstance(self.precision, str):
            try:
                object.__setattr__(self, "precision", named(self.precision))
            except ValueError as error:
                raise ValueError(f"kernel {self.name!r}: precision {error}") from None
        known = tuple(map(word, DTYPES))
        if unknown := [each for each in self.stores if each not in known]:
            raise ValueError(f"kernel {self.name!r}: stores must be of {', '.join(known)} (got {unknown[0]!r})")

    def _of_dots(self) -> None:
        """Leave the sum as the only aggregation; raise ``ValueError`` for what only products have."""
        changed = [name for name in _OF_PRODUCTS if getattr(self, name) != Kernel.__dataclass_fields__[name].default]
        changed += ["reduces"] if self.reduces not in (SUMS, ("sum",)) else []
        if changed:
            rule = f"{changed[0]} is of an SpMM, and must be left out of a kernel with operation='sddmm'"
            raise ValueError(f"kernel {self.name!r}: {rule} (got {getattr(self, changed[0])!r})")
        object.__setattr__(self, "reduces", ("sum",))

    def computes_in(self, dtype: torch.dtype) -> Precision:
        """Return the class of the kernel where its dense operand is of `dtype`."""
        return self.precision if isinstance(self.precision, Precision) else PRECISIONS[word(dtype)]
