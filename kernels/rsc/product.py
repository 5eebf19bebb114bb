"""One product of a layer, ``A @ X`` or its backward ``A^T @ G``: exact or sampled, timed, and measured for allocations."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from time import perf_counter
from typing import Literal, get_args

import torch

from rsc_bench.kernels.contract import Kernel, Multiply
from rsc_bench.kernels.rsc.account import Account
from rsc_bench.kernels.rsc.adjacency import Adjacency, Diagonal
from rsc_bench.kernels.rsc.allocations import LayerCost
from rsc_bench.kernels.rsc.lossless import Lossless
from rsc_bench.kernels.rsc.timings import Part, Timings
from rsc_bench.kernels.sampled.compose import Inner, SampledMultiply, Sampling
from rsc_bench.kernels.sampled.pairs import Pairs
from rsc_bench.kernels.sampled.selections import Selection

Direction = Literal["forward", "backward"]
Approximated = Literal["backward", "forward", "both"]
Measures = Literal["latest", "published"]

SKETCH_WIDTH = 8
"""Columns that the norm of a product is estimated from; 8 of 256 cost about as much less."""


@dataclass(frozen=True)
class Sampler:
    """What multiplies, what chooses pairs in front of it, and which products that touches."""

    kernel: Kernel
    selection: Selection
    diagonal: Diagonal = "exact"
    """Whether self-loops are kept out of the sampling."""
    approximated: Approximated = "backward"
    """Which product is sampled. The method samples the backward one; an approximated forward is for ablation."""

    def __post_init__(self) -> None:
        for name, value, known in (
            ("diagonal", self.diagonal, ("exact", "sampled")),
            ("approximated", self.approximated, ("backward", "forward", "both")),
        ):
            if value not in known:
                raise ValueError(f"{name} must be one of {', '.join(known)} (got {value!r})")

    def samples(self, direction: Direction) -> bool:
        """Return whether products of `direction` are sampled."""
        return self.approximated in (direction, "both")


@dataclass(eq=False)
class Regime:
    """What the products of a model share, and what a schedule switches for all of them at once."""

    sampler: Sampler
    sampling: Sampling
    measures: Measures = "latest"
    """What allocations go by: the last step's, or as in the authors' code a mean over all selections, see `Product._average`."""
    timings: Timings = field(default_factory=Timings)
    keeps_products: bool = True
    """Whether the exact product of features that stay what they are is made once."""
    exact: bool = False
    """Nothing is sampled: warm-up, and the end of training."""
    measuring: bool = False
    """Each product that can be sampled is measured, because an allocation comes next."""
    sampled_products: int = 0
    """Products that were sampled so far."""
    second_order: int = 0
    """Backward passes with ``create_graph=True`` so far, which are exact."""
    _met: set[tuple[object, ...]] = field(default_factory=set)

    def first(self, kind: tuple[object, ...]) -> bool:
        """Return whether a call of this kind was not made before; from now on it was."""
        known = kind in self._met
        self._met.add(kind)
        return not known

    def __post_init__(self) -> None:
        if self.measures not in get_args(Measures):
            raise ValueError(f"measures must be one of {', '.join(get_args(Measures))} (got {self.measures!r})")


@dataclass(frozen=True)
class Place:
    """Where in a model a product stands."""

    direction: Direction
    width: int
    dtype: torch.dtype
    account: Account


class Product:
    """``A @ dense`` or ``A^T @ dense``, exact or over the selected pairs; nothing is prepared before it is needed."""

    def __init__(self, adjacency: Adjacency, place: Place, regime: Regime) -> None:
        self.place, self.regime = place, regime
        self.matrix = adjacency.matrix if place.direction == "forward" else adjacency.matrix.transpose()
        self._adjacency = adjacency
        self._selected_under: int | None = None
        self._served = self._exact_products = 0
        self._kept_nnz: torch.Tensor | int = 0
        """Of the selection that serves now, on the device: nothing waits for it."""
        # The layer and the mini-batch are in the seed, so that no two products of a model share their draws.
        self._seed = regime.sampling.seed + zlib.crc32(f"{place.account.name} {place.account.made}".encode())
        place.account.made += 1

    def prepare(self) -> None:
        """Prepare now what sampled steps need: compiling takes seconds on a machine that never did it."""
        if self.regime.sampler.samples(self.place.direction) and self.regime.sampling.budget < 1:
            _ = self._sampled, self._narrow, self._mixture

    def __call__(self, dense: torch.Tensor, sampled: bool = True) -> torch.Tensor:
        """Return the product with `dense` (columns, width), contiguous; ``sampled=False`` multiplies all pairs."""
        if not (sampled and self.regime.sampler.samples(self.place.direction)):
            return self._multiply(self._exact, dense, "exact")
        most = self._pairs.whole_nnz if self.regime.exact else self._most_nnz()
        account, whole = self.place.account, self._pairs.whole_nnz
        if most < whole:
            self._select_where_due(dense, most)
            product = self._multiply(self._sampled.multiply, dense, "sampled")
            self.regime.sampled_products += 1
        else:
            product = self._multiply(self._exact, dense, "exact")
            self._exact_products += 1
        count = self._sampled.count if most < whole else partial(int, whole)
        account.multiplied(count, self._kept_nnz if most < whole else whole, whole, self.place.width)
        if self.regime.measures == "published":
            served = self._served if most < whole else self._exact_products % self.regime.sampling.interval
            self._average(dense, product, selected=served == 1 or self.regime.sampling.interval == 1)
        else:
            self._measure(dense, None if most < whole else product)
        return product

    def check(self) -> None:
        """Prepare the exact product now; raises what the kernel raises where it cannot multiply such operands."""
        _ = self._exact

    def _multiply(self, multiply: Multiply, dense: torch.Tensor, what: str) -> torch.Tensor:
        with self._timed(self.place.direction, what, self.matrix.nnz * self.place.width):
            return multiply(dense)

    def _most_nnz(self) -> int:
        """Return what may be kept; all of it, whatever the selection: then the product is exact."""
        limit = self.place.account.limit
        return int(self.regime.sampling.budget * self._pairs.whole_nnz) if limit is None else limit.on(self._pairs.whole_nnz)

    def _select_where_due(self, dense: torch.Tensor, most: int) -> None:
        """Select at the first product, after every `interval` products, and where an allocation changed the limit."""
        if most != self._selected_under or self._served >= self.regime.sampling.interval:
            sampled = self._sampled  # what is prepared once is no part of selecting
            sampled.most_nnz = most
            with self._timed("select", "select"):
                sampled.select(dense)
            self._kept_nnz = (self._pairs.nnz * sampled.kept.mask).sum()
            self._selected_under, self._served = most, 0
        self._served += 1

    def _measure(self, dense: torch.Tensor, exact: torch.Tensor | None) -> None:
        """Keep the scores of `dense` and the norm of its product, which is at hand where the product is `exact`."""
        if not self.regime.measuring:
            return
        sampled, narrow, _ = self._sampled, self._narrow, self._mixture  # prepared in the warm-up, and no part of selecting
        with self._timed("select", "measure"):
            product = self._sketch(dense, narrow) if exact is None else exact
            norm = torch.linalg.vector_norm(product, dtype=torch.promote_types(product.dtype, torch.float32))
            self.place.account.cost = LayerCost(sampled.score(dense), self._pairs.nnz, self.place.width, norm)

    def _average(self, dense: torch.Tensor, product: torch.Tensor, selected: bool) -> None:
        """Measure as the authors' code does: scores where pairs are selected, the norm of what was multiplied in each step.

        Both are half of what they were and half of what is new; a graph of another size begins anew.
        """
        if self.regime.exact and not self.regime.measuring:
            return
        account, before = self.place.account, self.place.account.cost
        sampled = self._sampled
        with self._timed("select", "average"):
            norm = torch.linalg.vector_norm(product, dtype=torch.promote_types(product.dtype, torch.float32))
            if before is None or before.scores.shape != self._pairs.nnz.shape:
                account.cost = LayerCost(sampled.score(dense), self._pairs.nnz, self.place.width, norm)
                return
            scores = (before.scores + sampled.score(dense)) / 2 if selected else before.scores
            account.cost = replace(before, scores=scores, product_norm=(before.product_norm + norm) / 2)

    def _sketch(self, dense: torch.Tensor, narrow: Multiply) -> torch.Tensor:
        """Return the exact product with a few random mixtures of the columns: its norm is that of the whole, on average.

        The norm of a sampled product is no measure: it is the smaller the less a layer may keep, and an allocation made
        from it swings from one extreme to the other (docs/how-it-works/method.md).
        """
        return narrow(dense @ self._mixture)

    @contextmanager
    def _timed(self, part: Part, what: str, elements: int = 0) -> Iterator[None]:
        """Take down what happens inside: `what` it is, and the non-zeros times columns of a product."""
        start = perf_counter()
        with self.regime.timings.of(part, self.matrix.device):
            yield
        if self.matrix.device.type == "cpu":
            account, seconds = self.place.account, perf_counter() - start
            smaller = what == "exact" and isinstance(self._exact, Lossless) and self._exact.made
            kind = (what, smaller, self.place.direction, self.place.width, self.place.dtype)
            account.took = account.took.more(seconds, elements, self.regime.first(kind))

    @cached_property
    def _exact(self) -> Multiply:
        kernel, of = self.regime.sampler.kernel, (self.matrix, self.place.width, self.place.dtype)
        if self.place.direction == "backward" and self.matrix.device.type == "cpu":
            return Lossless(kernel, *of)  # only some nodes have a gradient at the output
        return kernel.prepare(*of)

    @cached_property
    def _narrow(self) -> Multiply:
        return self.regime.sampler.kernel.prepare(self.matrix, SKETCH_WIDTH, self.place.dtype)

    @cached_property
    def _mixture(self) -> torch.Tensor:
        """(width, `SKETCH_WIDTH`): random signs, on the device once, because a copy from the host is waited for."""
        generator = torch.Generator().manual_seed(self._seed)
        signs = torch.randint(2, (self.place.width, SKETCH_WIDTH), generator=generator) * 2.0 - 1
        mixture: torch.Tensor = (signs / SKETCH_WIDTH**0.5).to(self.matrix.device, self.place.dtype)
        return mixture

    @property
    def _pairs(self) -> Pairs:
        return self._adjacency.pairs if self.place.direction == "forward" else self._adjacency.transposed_pairs

    @cached_property
    def _sampled(self) -> SampledMultiply:
        sampler, sampling = self.regime.sampler, replace(self.regime.sampling, seed=self._seed)
        inner = Inner(sampler.kernel, self.place.width, self.place.dtype, repeated=sampling.interval > 1)
        return SampledMultiply(self._pairs, sampler.selection, sampling, inner).tuned()
