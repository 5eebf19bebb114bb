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
from rsc_bench.kernels.contract import SPMM, Kernel, Multiply, Reduce
from rsc_bench.kernels.csr import Csr
from rsc_bench.kernels.padding import cut, padded
from rsc_bench.kernels.prepared import Checked
from rsc_bench.kernels.sampled import compaction, scores
from rsc_bench.kernels.sampled.pairs import Pairs
from rsc_bench.kernels.sampled.selections import CACHED, DrawEdges, Edges, Kept, Selection
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
    """Return the sampled kernel that multiplies with `exact` what `selection` keeps; ``ValueError`` for one that does not."""
    if exact.operation != SPMM:
        rule = "a selection stands in front of a product"
        raise ValueError(f"kernel {exact.name!r}: computes {exact.operation}, and {rule}: name a kernel that multiplies")
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
        self._kept: Kept | Edges | None = None
        self._multiply: Multiply | None = None
        # Prepared once for the whole matrix, so that code for this width is compiled before any call is timed.
        inner.prepare(pairs.matrix)
        separable = inner.kernel.separable
        self._compact: Callable[[Any], Csr] = (
            pairs.compaction(separable) if selection.edges is None else compaction.of_edges(pairs.matrix, separable)
        )
        self._draw_edges = None if selection.edges is None else _prepared(selection, pairs.matrix, self.most_nnz)
        self.score = scores.prepare(pairs.norms)

    def tuned(self) -> SampledMultiply:
        """Return itself, its exact kernel ready for smaller matrices of the budget's size; before any call is timed.

        One of them is prepared for in vain: it may have values where the whole has factors, and few self-loops where it has many.
        """
        generator = torch.Generator(self.pairs.matrix.device)
        self._inner.tune(self._compact(self._drawn(lambda: self.pairs.norms, generator)))
        return self

    def __call__(self, dense: torch.Tensor) -> torch.Tensor:
        """Return the sampled product, selecting first where it is due."""
        if self._calls % self.sampling.interval == 0:
            self.select(dense)
        self._calls += 1
        return self.multiply(dense)

    def select(self, dense: torch.Tensor) -> None:
        """Choose the pairs for `dense`, or the edges, and build the smaller matrix; later calls multiply with it."""
        self._multiply = None  # the smaller matrix from before is let go first: there are never two
        self._kept = self._drawn(lambda: self.score(dense), self._generator)
        self._multiply = self._inner.prepare(self._compact(self._kept))

    def _drawn(self, score: Callable[[], torch.Tensor], generator: torch.Generator) -> Kept | Edges:
        if self._draw_edges is not None:
            edges = self._draw_edges(generator)
            _check_edges(self.selection, edges, self.pairs.matrix)
            return edges
        assert self.selection.draw is not None
        scores = score()
        kept = self.selection.draw(scores, self.pairs.nnz, self.most_nnz, generator)
        _check(self.selection, kept, scores)
        return replace(kept, most_nnz=self.most_nnz)

    def multiply(self, dense: torch.Tensor) -> torch.Tensor:
        """Return the product over the pairs that were selected last; select first."""
        assert self._multiply is not None, "select() comes before multiply()"
        return self._multiply(dense)

    @property
    def kept(self) -> Kept:
        """The pairs that were selected last, of a selection of pairs."""
        assert isinstance(self._kept, Kept), "select() comes first, of a selection of pairs: `chosen` has the edges of another"
        return self._kept

    @property
    def chosen(self) -> Kept | Edges:
        """The pairs, or the edges, that were selected last."""
        assert self._kept is not None, "select() comes first"
        return self._kept

    @property
    def kept_nnz(self) -> int:
        """Non-zeros that were selected last; waits for the device."""
        return self.count()

    @property
    def count(self) -> Callable[[], int]:
        """Counts the non-zeros that were selected last, whatever is selected until it is called."""
        chosen = self.chosen
        return partial(len, chosen.places) if isinstance(chosen, Edges) else partial(_nnz, self.pairs.nnz, chosen.mask)


def _check(selection: Selection, kept: Kept, score: torch.Tensor) -> None:
    """Raise `PluginError` for a choice that compaction would read past the end of; its numbers are not looked at."""
    selection.answer("draw", Kept, kept)
    for name, part, dtype in (("mask", kept.mask, torch.bool), ("scale", kept.scale, torch.float32)):
        if part is not None and (part.shape != score.shape or part.dtype is not dtype or part.device != score.device):
            wanted, found = (f"{tuple(each.shape)}, {word(each.dtype)} on {each.device}" for each in (score.to(dtype), part))
            raise PluginError(f"selection {selection.name!r}: draw must return a {name} of {wanted} (got {found})")


def _prepared(selection: Selection, matrix: Csr, most_nnz: int) -> DrawEdges:
    assert selection.edges is not None
    draw: DrawEdges = selection.answer("edges", DrawEdges, selection.edges(matrix, most_nnz))
    return draw


def _check_edges(selection: Selection, edges: Edges, matrix: Csr) -> None:
    """Raise `PluginError` for places that a smaller matrix cannot be made of; on a GPU their numbers are not looked at."""
    selection.answer("edges", Edges, edges)
    places, scale = edges.places, edges.scale
    for name, part, dtype in (("places", places, torch.int64), ("scale", scale, torch.float32)):
        if part is not None and (
            part.dim() != 1 or len(part) != len(places) or part.dtype is not dtype or part.device != matrix.device
        ):
            found = f"{tuple(part.shape)}, {word(part.dtype)} on {part.device}"
            wanted = f"(kept,), {word(dtype)} on {matrix.device}"
            raise PluginError(f"selection {selection.name!r}: edges must return {name} of {wanted} (got {found})")
    if not len(places) or places.device.type != "cpu":
        return
    if int(places[0]) < 0 or int(places[-1]) >= matrix.nnz or not bool((places[1:] > places[:-1]).all()):
        rule = f"places that ascend, from 0 to {matrix.nnz - 1}"
        raise PluginError(f"selection {selection.name!r}: edges must return {rule} (got {places[:3].tolist()}, ...)")


def _nnz(pair_nnz: torch.Tensor, mask: torch.Tensor) -> int:
    return int(pair_nnz[mask].sum())
