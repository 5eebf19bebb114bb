"""Approximations of somebody's own: what a kernel with ``exact=False`` prepares, as the suites call and check it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
import torch

from rsc_bench.kernels.contract import Kernel, Multiply, Reduce
from rsc_bench.kernels.csr import Csr
from rsc_bench.kernels.prepared import Checked
from rsc_bench.kernels.sampled.selections import CACHED
from rsc_bench.user_files import PluginError


class Approximate(Protocol):
    """What a kernel with ``exact=False`` prepares: called as a `Multiply`; all but the call is optional."""

    kept: Csr | int
    """What the last call multiplied. A `Csr`: the smaller matrix, of the whole one's shape, values as they were multiplied; the
    result is held to its product in float64. A number: its non-zeros; the result has an error, and nothing that it is held to.
    Without it the same, and its budget is not known."""

    def __call__(self, dense: torch.Tensor, /) -> torch.Tensor:
        """Return the approximated product, choosing first where it chooses by `dense`."""
        ...

    def select(self, dense: torch.Tensor, /) -> None:
        """Choose anew what is multiplied; with `Kernel.selects`."""
        ...

    def multiply(self, dense: torch.Tensor, /) -> torch.Tensor:
        """Return the product over what was chosen last; with `Kernel.selects`."""
        ...


class Own:
    """An approximation of somebody's own, whose choice serves some calls."""

    def __init__(self, kernel: Kernel, multiply: Multiply, shape: tuple[int, int], interval: int = 1) -> None:
        """Take what `kernel` has prepared for a matrix of `shape`; `interval` calls share a choice, where it chooses apart."""
        self._kernel, self._shape, self.interval, self._calls = kernel, shape, interval, 0
        self._whole = multiply
        inner: Any = multiply
        self._inner = inner.multiply if isinstance(multiply, Checked) else inner
        self.select: Callable[[torch.Tensor], None] | None = None
        self.multiply: Multiply | None = None
        if kernel.selects:
            for part in ("select", "multiply"):
                if not callable(getattr(self._inner, part, None)):
                    rule = "selects=True, so what it prepares must have select(dense) and multiply(dense)"
                    raise PluginError(f"kernel {kernel.name!r}: {rule} (got no {part})")
            self.select, self.multiply = self._inner.select, self._inner.multiply

    def __call__(self, dense: torch.Tensor) -> torch.Tensor:
        """Return the product, choosing anew where it is due."""
        if self.interval == 1 or self.select is None or self.multiply is None:
            return self._whole(dense)
        if self._calls % self.interval == 0:
            self.select(dense)
        self._calls += 1
        return self.multiply(dense)

    @property
    def kept(self) -> Csr | int | None:
        """What the last call multiplied, see `Approximate.kept`; None where it does not say."""
        kept = getattr(self._inner, "kept", None)
        if kept is None:
            return None
        if isinstance(kept, int | np.integer) and not isinstance(kept, bool) and kept >= 0:
            return int(kept)
        if not isinstance(kept, Csr) or kept.shape != self._shape:
            found = f"a Csr of {kept.shape}" if isinstance(kept, Csr) else repr(kept)[:80]
            rule = f"kept must be a Csr of shape {self._shape}, or a number of non-zeros"
            raise PluginError(f"kernel {self._kernel.name!r}: {rule} (got {found})")
        return kept


def own(multiply: Multiply) -> Own | None:
    """Return the approximation behind a multiply; None where it is exact, or samples by a selection."""
    inner = multiply.multiply if isinstance(multiply, Checked) else multiply
    return inner if isinstance(inner, Own) else None


def names(kernel: Kernel) -> tuple[str, ...]:
    """Return the names that a kernel is asked for by: its own, and where it chooses apart from multiplying ``cached_NAME``."""
    return (kernel.name, f"{CACHED}{kernel.name}") if kernel.selects and not kernel.exact else (kernel.name,)


def cached(kernel: Kernel, interval: int) -> Kernel:
    """Return the approximation whose choice serves `interval` calls, named as a selection's is: ``cached_mine``."""

    def prepare(matrix: Csr, width: int, dtype: torch.dtype, reduce: Reduce = "sum") -> Own:
        return Own(kernel, kernel.prepare(matrix, width, dtype, reduce), matrix.shape, interval)

    return replace(kernel, name=f"{CACHED}{kernel.name}", prepare=prepare)
