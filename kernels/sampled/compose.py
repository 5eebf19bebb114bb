"""Puts a selection in front of an exact kernel: ``topk(rows_numba)``, ``cached_topk(rows_numba)``."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from numbers import Real
from typing import Any

import torch

from rsc_bench.kernels.checked import word
from rsc_bench.kernels.contract import Checked, Kernel, Multiply, Reduce
from rsc_bench.kernels.csr import Csr
from rsc_bench.kernels.padding import cut, padded
from rsc_bench.kernels.sampled import scores
from rsc_bench.kernels.sampled.pairs import Pairs
from rsc_bench.kernels.sampled.selections import CACHED, Kept, Selection
from rsc_bench.user_files import PluginError

__all__ = ["CACHED", "Inner", "SampledMultiply", "Sampling", "check_budget", "compose", "sampled", "split"]

_COMPOSED = re.compile(rf"^(?P<cached>{CACHED})?(?P<selection>\w+)\((?P<exact>[^()]+)\)$")


@dataclass(frozen=True)
class Sampling:
    """How much is multiplied, and how often it is chosen anew."""

    budget: float
    """Share of the exact FLOPs that may be spent, in (0, 1]."""
    interval: int = 1
    """Calls that one selection serves: 1 selects afresh in each call, the paper caches for 10 (RSC, section 3.3)."""
    seed: int = 0
    """Of the selections that draw."""

    def __post_init__(self) -> None:
        check_budget(self.budget)
        if self.interval < 1:
            raise ValueError(f"interval must be at least 1 (got {self.interval})")


def check_budget(budget: Any) -> None:
    """Raise ``ValueError`` unless `budget` is a share of the FLOPs."""
    number = isinstance(budget, Real)
    if not number or not 0 < budget <= 1:
        raise ValueError(f"budget must lie in (0, 1] (got {budget!r}): it is a share of the exact FLOPs")


def split(name: str) -> tuple[bool, str, str] | None:
    """Return (cached, selection, exact kernel) of a composed name such as ``cached_topk(mkl)``, or None."""
    match = _COMPOSED.match(name)
    return (match["cached"] is not None, match["selection"], match["exact"]) if match else None


def compose(selection: Selection, exact: Kernel, sampling: Sampling) -> Kernel:
    """Return the sampled kernel that multiplies with `exact` what `selection` keeps."""
    cached = CACHED if sampling.interval > 1 else ""

    def prepare(matrix: Csr, width: int, dtype: torch.dtype, reduce: Reduce = "sum") -> SampledMultiply:
        pairs = Pairs(matrix.mean() if reduce == "mean" else matrix)
        return SampledMultiply(pairs, selection, sampling, Inner(exact, width, dtype, repeated=sampling.interval > 1))

    def tune(matrix: Csr, width: int, dtype: torch.dtype, reduce: Reduce = "sum") -> None:
        prepare(matrix, width, dtype, reduce).tuned()

    name = f"{cached}{selection.name}({exact.name})"
    declared: dict[str, Any] = {"precision": exact.precision, "stores": exact.stores}
    return Kernel(
        name, exact.device, selection.summary, prepare, exact.role, exact=False, missing=exact.missing, tune=tune, **declared
    )


@dataclass(frozen=True)
class Inner:
    """An exact kernel with what it is prepared for besides the matrix."""

    kernel: Kernel
    width: int
    dtype: torch.dtype
    repeated: bool = False
    """What it prepares for is multiplied several times."""

    def prepare(self, matrix: Csr) -> Multiply:
        """Return the multiply for `matrix`; where only its device knows its size, nothing waits for that."""
        if not matrix.bounded:
            prepare = self.kernel.prepare_sampled if self.repeated else None
            return (prepare or self.kernel.prepare)(matrix, self.width, self.dtype)
        if self.kernel.prepare_bounded is not None:
            return self.kernel.prepare_bounded(matrix, self.width, self.dtype)
        return cut(self.kernel.prepare(padded(matrix), self.width, self.dtype), matrix.shape[0])

    def tune(self, matrix: Csr) -> None:
        """Let the kernel search and compile for matrices like `matrix`, before any call is timed."""
        if matrix.bounded and self.kernel.prepare_bounded is not None and self.kernel.tune is not None:
            self.kernel.tune(matrix, self.width, self.dtype)
        else:
            self.prepare(matrix)


def sampled(multiply: Multiply) -> SampledMultiply | None:
    """Return what chooses the pairs of a multiply that a kernel has prepared; None where it multiplies all of them."""
    inner = multiply.multiply if isinstance(multiply, Checked) else multiply
    return inner if isinstance(inner, SampledMultiply) else None


class SampledMultiply:
    """``matrix @ dense`` over the column-row pairs that a selection keeps; selects anew in every `interval`-th call.

    The score of pair i is ``||A_i||_2 * ||G_i||_2``, with A_i column i of the matrix that is really multiplied and G_i row
    i of the dense operand (RSC, section 3.1). Mean aggregation has become values by the time the matrix arrives here.
    """

    def __init__(self, pairs: Pairs, selection: Selection, sampling: Sampling, inner: Inner) -> None:
        """Prepare to choose from `pairs`; self-loops that are none of them are multiplied each time."""
        self.pairs, self.selection, self.sampling = pairs, selection, sampling
        self._inner = inner
        self.most_nnz = int(sampling.budget * pairs.whole_nnz)
        """Non-zeros that the next selection may keep; an allocation sets it anew."""
        self._generator = torch.Generator(pairs.matrix.device).manual_seed(sampling.seed)
        self._calls = 0
        self._kept: Kept | None = None
        self._multiply: Multiply | None = None
        # Prepared once for the whole matrix, so that code for this width is compiled before any call is timed.
        inner.prepare(pairs.matrix)
        self._compact = pairs.compaction(inner.kernel.separable)
        self.score = scores.prepare(pairs.norms)

    def tuned(self) -> SampledMultiply:
        """Return itself, its exact kernel ready for smaller matrices of the budget's size; before any call is timed.

        One of them is prepared for in vain: it may have values where the whole has factors, and few self-loops where it has many.
        """
        self._inner.tune(self._compact(self._draw(self.pairs.norms, torch.Generator(self.pairs.matrix.device))))
        return self

    def __call__(self, dense: torch.Tensor) -> torch.Tensor:
        """Return the sampled product, selecting first where it is due."""
        if self._calls % self.sampling.interval == 0:
            self.select(dense)
        self._calls += 1
        return self.multiply(dense)

    def select(self, dense: torch.Tensor) -> None:
        """Choose the pairs for `dense` and build the smaller matrix; later calls multiply with it."""
        self._multiply = None  # the smaller matrix from before is let go first: there are never two
        self._kept = self._draw(self.score(dense), self._generator)
        self._multiply = self._inner.prepare(self._compact(self._kept))

    def _draw(self, score: torch.Tensor, generator: torch.Generator) -> Kept:
        kept = self.selection.draw(score, self.pairs.nnz, self.most_nnz, generator)
        _check(self.selection, kept, score)
        return replace(kept, most_nnz=self.most_nnz)

    def multiply(self, dense: torch.Tensor) -> torch.Tensor:
        """Return the product over the pairs that were selected last; select first."""
        assert self._multiply is not None, "select() comes before multiply()"
        return self._multiply(dense)

    @property
    def kept(self) -> Kept:
        """The pairs that were selected last."""
        assert self._kept is not None, "select() comes first"
        return self._kept

    @property
    def kept_nnz(self) -> int:
        """Non-zeros of the pairs that were selected last; waits for the device."""
        return self.count()

    @property
    def count(self) -> Callable[[], int]:
        """Counts the non-zeros of the pairs that were selected last, whatever is selected until it is called."""
        return partial(_nnz, self.pairs.nnz, self.kept.mask)


def _check(selection: Selection, kept: Kept, score: torch.Tensor) -> None:
    """Raise `PluginError` for a choice that compaction would read past the end of; its numbers are not looked at."""
    selection.answer("draw", Kept, kept)
    for name, part, dtype in (("mask", kept.mask, torch.bool), ("scale", kept.scale, torch.float32)):
        if part is not None and (part.shape != score.shape or part.dtype is not dtype or part.device != score.device):
            wanted, found = (f"{tuple(each.shape)}, {word(each.dtype)} on {each.device}" for each in (score.to(dtype), part))
            raise PluginError(f"selection {selection.name!r}: draw must return a {name} of {wanted} (got {found})")


def _nnz(pair_nnz: torch.Tensor, mask: torch.Tensor) -> int:
    return int(pair_nnz[mask].sum())
