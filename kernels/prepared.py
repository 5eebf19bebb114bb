"""Puts the checks of the dense operands that hold for every kernel in front of what a kernel has prepared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from rsc_bench.kernels.checked import kind, word

if TYPE_CHECKING:
    from rsc_bench.kernels.contract import Dots, Multiply
    from rsc_bench.kernels.csr import Csr

ALIGNED = 16
"""Bytes that an operand's address is a multiple of: what a GPU's vector code loads at once; Triton compiles anew for another."""


@dataclass(frozen=True, slots=True)
class Operand:
    """What one dense operand of a prepared kernel must be."""

    kernel: str
    called: str
    """What it is called in code, and in a sentence behind the article: ``dense``."""
    shape: tuple[int, int]
    dtype: torch.dtype
    device: torch.device
    where: str = ""
    """Which of several it is, as the words behind its name."""

    def taken(self, dense: Any) -> torch.Tensor:
        """Return the operand, contiguous and aligned; raises ``ValueError`` for another one than was prepared for."""
        if (
            not isinstance(dense, torch.Tensor)
            or dense.shape != self.shape
            or dense.dtype is not self.dtype
            or dense.device != self.device
            or dense.layout is not torch.strided
        ):
            raise ValueError(f"kernel {self.kernel!r}: the {self.called} operand{self.where} must be {self._fault(dense)}")
        if not dense.is_contiguous() or dense.data_ptr() % ALIGNED:
            return dense.clone(memory_format=torch.contiguous_format)
        return dense

    def _fault(self, dense: Any) -> str:
        """Say what an operand must be and is not."""
        if not isinstance(dense, torch.Tensor):
            return f"a torch tensor (got {kind(dense)}): torch.as_tensor makes one"
        if dense.layout is not torch.strided:
            return f"dense (got {word(dense.layout)}): give {self.called}.to_dense()"
        if dense.shape != self.shape:
            return f"of shape {self.shape}, as prepared for (got {tuple(dense.shape)}): {self._shaped(tuple(dense.shape))}"
        if dense.dtype is not self.dtype:
            return f"{word(self.dtype)}, as prepared for (got {word(dense.dtype)}): give {self.called}.to({self.dtype})"
        return f"on {self.device}, where the matrix is (got {dense.device}): give {self.called}.to({str(self.device)!r})"

    def _shaped(self, found: tuple[int, ...]) -> str:
        """Say how an operand of another shape becomes one of the right shape."""
        if found == self.shape[::-1]:
            return f"give {self.called}.T"
        return f"give {self.called}[:, None]" if (*found, 1) == self.shape else "the second is the width to prepare for"


class Checked:
    """A multiply of a kernel, behind the checks of its operand that hold for every kernel; less than a microsecond a call."""

    __slots__ = ("_kernel", "_learnt", "_operand", "multiply")

    def __init__(self, multiply: Multiply, kernel: str, prepared: tuple[Csr, int, torch.dtype]) -> None:
        """Take what `kernel` prepared, and the matrix, width and dtype that it was prepared for; keeps nothing of the matrix."""
        self.multiply, self._kernel = multiply, kernel
        matrix, width, dtype = prepared
        self._operand = Operand(kernel, "dense", (matrix.shape[1], width), dtype, matrix.device)
        scaling = (matrix.scaling.rows, matrix.scaling.columns) if matrix.scaling else ()
        self._learnt = any(part is not None and part.requires_grad for part in (matrix.entries, *scaling))

    def __call__(self, dense: Any) -> torch.Tensor:
        """Return the product, as `Multiply` says."""
        dense = self._operand.taken(dense)
        product = self.multiply(dense)
        if (dense.requires_grad or self._learnt) and torch.is_grad_enabled() and not product.requires_grad:
            remedy = "train with rsc_bench.accelerate(model), or multiply under torch.no_grad()"
            if dense.requires_grad:
                remedy = f"{remedy} or by dense.detach()"
            what = "the dense operand" if dense.requires_grad else "the matrix's values"
            raise ValueError(f"kernel {self._kernel!r}: computes no gradient of {what}, of which one is required: {remedy}")
        return product

    def __getattr__(self, name: str) -> Any:
        """Return what the multiply behind has under a name, as a sampled one has `kept`."""
        if name in Checked.__slots__ or name.startswith("__"):  # of one that is being copied, which has nothing yet
            raise AttributeError(name)
        return getattr(self.multiply, name)


class CheckedDots:
    """Dot products of a kernel, behind the same checks of both operands."""

    __slots__ = ("_kernel", "_left", "_right", "multiply")

    def __init__(self, multiply: Dots, kernel: str, prepared: tuple[Csr, int, torch.dtype]) -> None:
        """Take what `kernel` prepared, and what it was prepared for, as `Checked` does."""
        self.multiply, self._kernel = multiply, kernel
        matrix, width, dtype = prepared
        self._left = Operand(kernel, "left", (matrix.shape[0], width), dtype, matrix.device, ", of the rows,")
        self._right = Operand(kernel, "right", (matrix.shape[1], width), dtype, matrix.device, ", of the columns,")

    def __call__(self, left: Any, right: Any) -> torch.Tensor:
        """Return the dot products, as `Dots` says."""
        left, right = self._left.taken(left), self._right.taken(right)
        dots = self.multiply(left, right)
        if (left.requires_grad or right.requires_grad) and torch.is_grad_enabled() and not dots.requires_grad:
            remedy = "call it under torch.no_grad(), or with detached operands"
            raise ValueError(f"kernel {self._kernel!r}: computes no gradient of its operands, of which one is required: {remedy}")
        return dots
