"""Makes one SpMM case into work that the harness can check and time: its operands, its reference and its kernel, prepared."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import Any

import numpy as np
import torch

from rsc_bench.harness.measure.spending import SPENDING
from rsc_bench.harness.measure.work import Checked, Skip, Wrong
from rsc_bench.harness.records.measurement import KERNEL, Accuracy, Matrix
from rsc_bench.kernels import Kernel, Multiply, Unsupported
from rsc_bench.kernels.contract import SDDMM
from rsc_bench.kernels.sampled.approximate import Own, own
from rsc_bench.kernels.sampled.compose import sampled
from rsc_bench.kernels.sampled.selections import Edges
from rsc_bench.kernels.sampled.selections import Kept as Chosen
from rsc_bench.precision import Precision
from rsc_bench.suites.catalog import Catalog
from rsc_bench.suites.graphs import GraphTooLargeError
from rsc_bench.suites.options import DTYPES
from rsc_bench.suites.spmm.approximate.checks import check_alike, check_promise
from rsc_bench.suites.spmm.approximate.probe import ApproximateProbe, Looked
from rsc_bench.suites.spmm.cases.sweep import Setting
from rsc_bench.suites.spmm.checks import Kept, check_form, check_memory, check_values, tolerance, within
from rsc_bench.suites.spmm.dots.probe import DotsProbe
from rsc_bench.suites.spmm.dots.tolerance import dots_tolerance
from rsc_bench.suites.spmm.fingerprint import Fingerprint
from rsc_bench.suites.spmm.operands import Operands, Product
from rsc_bench.suites.spmm.probe import ProductProbe
from rsc_bench.suites.spmm.reference import edges64, relative_error
from rsc_bench.suites.spmm.store import Store


def from_setting(setting: Setting, catalog: Catalog, store: Store) -> Callable[[], SpmmWork]:
    """Make the operands of a case, tune and return what prepares its kernel; raises `Skip` where it cannot be done here."""
    reason = catalog.why_not(setting.choice)
    if reason is not None:
        raise Skip(reason)
    kernel = catalog.build(setting.choice, setting.budget)
    if kernel.operation != setting.operation:
        raise Skip(f"{kernel.name} computes {kernel.operation} (got {setting.operation})")
    try:
        with SPENDING.on("graph"):
            graph = store.graph(setting.graph, setting.reorder)
    except GraphTooLargeError as reason:
        raise Skip(str(reason)) from reason
    product = Product(graph, setting.width, DTYPES[setting.dtype], setting.reduce, setting.device, setting.operation)
    return ready(product, kernel, store)


def ready(product: Product, kernel: Kernel, store: Store) -> Callable[[], SpmmWork]:
    """Make the operands and tune the kernel for them; return what prepares it, which then pays for neither.

    Both raise `Skip` where the kernel cannot compute the product, and the first where memory is too small. What the product is
    checked against is made before the kernel has been called, and its dense operand is a copy that no other case has.
    """
    with SPENDING.on("operands"):
        made = store.operands.make(product)
    with SPENDING.on("reference"):
        exact = store.references.reference(product, made)
        allowed = Allowed(kernel.computes_in(product.dtype), _tolerance(kernel, made, exact))
    with SPENDING.on("operands"):
        mark = store.watch(made.matrix)
        given = Given(made, made.copied(), mark, store.sites(product, made), allowed)
    with SPENDING.on(KERNEL):
        tune_s = _tuned(product, given.kernels, kernel)
    return lambda: SpmmWork(product, given, _prepared(product, given.kernels, kernel), store, tune_s)


def _tolerance(kernel: Kernel, made: Operands, exact: np.ndarray) -> float:
    if kernel.operation == SDDMM:
        return dots_tolerance(kernel, made, exact)
    return tolerance(kernel, made.matrix, made.dense, exact)


@dataclass(frozen=True)
class Allowed:
    """How far the results of a kernel may be from those of float64."""

    precision: Precision
    """The class of the kernel, which says how far a single sum may be."""
    error: float
    """Largest relative Frobenius error of the whole product."""


@dataclass(frozen=True, eq=False)
class Given:
    """What a case is given, and what shows that it is still what it was."""

    ours: Operands
    """What no kernel holds the dense part of."""
    kernels: Operands
    """What the kernel multiplies: the same matrix, and a dense operand of its own."""
    matrix: Fingerprint
    sites: list[Any]
    """Places of the dense operands that are changed between calls, see `Store.sites`."""
    allowed: Allowed


def _tuned(product: Product, made: Operands, kernel: Kernel) -> float | None:
    """Return the seconds of searching and compiling; None where there is nothing to."""
    if kernel.tune is None:
        return None
    start = perf_counter()
    try:
        kernel.tune(made.matrix, product.width, product.dtype, product.asked)
    except Unsupported as reason:
        raise Skip(str(reason)) from reason
    if made.dense.is_cuda:
        torch.cuda.synchronize(made.dense.device)
    return perf_counter() - start


def _prepared(product: Product, made: Operands, kernel: Kernel) -> Multiply:
    try:
        multiply = kernel.prepare(made.matrix, product.width, product.dtype, product.asked)
    except Unsupported as reason:
        raise Skip(str(reason)) from reason
    known = kernel.exact or sampled(multiply) or own(multiply)
    return multiply if known else Own(kernel, multiply, made.matrix.shape)


class SpmmWork:
    """A prepared SpMM, or SDDMM, as the harness calls it."""

    def __init__(self, product: Product, given: Given, multiply: Multiply, store: Store, tune_s: float | None = None) -> None:
        self._product, self._given, self._multiply, self.tune_s = product, given, multiply, tune_s
        self._store = store
        self._kept: Kept | None = None
        self._rel_error: float | None = None
        """Of the first result, which is the one that a record tells; None before it is checked."""
        self._matrix, self._dense, self._parts = given.kernels.matrix, given.kernels.dense, given.kernels.parts
        self._sampled, self._own = sampled(multiply), own(multiply)
        self.device = product.device
        self.period = self._sampled.sampling.interval if self._sampled else self._own.interval if self._own else 1
        chooses = self._sampled or self._own
        # Not methods of its own: referring to itself, it would keep a GPU's memory until the garbage collector runs.
        self.select: Callable[[], object] | None = partial(chooses.select, self._dense) if chooses and chooses.select else None
        self._over_choice = partial(chooses.multiply, self._dense) if chooses and chooses.multiply else None
        self.multiply: Callable[[], object] | None = self._over_choice

    def __call__(self) -> torch.Tensor:
        """Return the product, selecting first where it is due."""
        return self._multiply(*self._parts)

    @property
    def operands(self) -> Operands:
        """What the kernel multiplies."""
        return self._given.kernels

    def check(self, result: torch.Tensor) -> Checked:
        """Compare with the product of the kept pairs in float64, the first time with the whole one as well, for the error."""
        with self._changes_come_first():
            return self._checked(result)

    def _checked(self, result: torch.Tensor) -> Checked:
        check_form(result, self._given.ours)
        with SPENDING.on("reference"):
            exact = self._store.references.reference(self._product, self._given.ours)
        kept_nnz: int | None = self._matrix.nnz
        kept_pairs, wanted = None, exact
        if self._own is not None:
            precision = self._given.allowed.precision
            check_error, kept_nnz = check_promise(result, self._own, self._given.ours, precision)
            accuracy = Accuracy(rel_error=relative_error(result, exact), check_error=check_error)
            return Checked(self._multiplied(kept_nnz, None), accuracy)
        if self._sampled is not None:
            kept_nnz = self._sampled.kept_nnz
            with SPENDING.on("reference"):
                wanted, kept_pairs = self._of_chosen(self._sampled.chosen)
            self._check_budget(kept_nnz)
        check_error = check_values(result, wanted, self._given.allowed.error)
        if self._rel_error is None:
            self._rel_error = check_error if wanted is exact else relative_error(result, exact)
        return Checked(self._multiplied(kept_nnz, kept_pairs), Accuracy(rel_error=self._rel_error, check_error=check_error))

    def _multiplied(self, kept_nnz: int | None, kept_pairs: int | None) -> Matrix:
        return Matrix(
            nnz=self._matrix.nnz,
            kept_nnz=kept_nnz,
            rows=self._matrix.shape[0],
            columns=self._matrix.shape[1],
            kept_pairs=kept_pairs,
            value_bytes=0 if self._matrix.entries is None else self._product.dtype.itemsize,
            graph_digest=self._product.graph.digest,
        )

    def _of_chosen(self, chosen: Chosen | Edges) -> tuple[np.ndarray, int]:
        """Return the product of what was chosen in float64, and how many column-row pairs it reads of."""
        if isinstance(chosen, Edges):
            ours, columns = self._given.ours, self._matrix.col[chosen.places]
            return edges64(ours.matrix, ours.dense, chosen), int(torch.unique(columns).numel())
        weights = chosen.weights.cpu()
        return self._store.references.reference(self._product, self._given.ours, weights), int((weights != 0).sum())

    def check_memory(self) -> None:
        """Raise `Wrong` where a result has no memory of its own, or is not written everywhere; calls the kernel."""
        multiply: Callable[[], torch.Tensor] = self
        if self.select is not None and self._over_choice is not None:  # over one choice: both results are of the same product
            self.select()
            multiply = self._over_choice
        alike = within(self._given.allowed.error)
        if self._own is not None:  # which may draw in each call
            exact = self._store.references.reference(self._product, self._given.ours)
            alike = partial(check_alike, exact=exact)
        with self._changes_come_first():
            self._kept = check_memory(SPENDING.calls(multiply), self._given.kernels, alike)

    def check_kept(self) -> None:
        """Raise `Wrong` where the first result of `check_memory` is not what it was, and let it go."""
        if self._kept is not None:
            self._kept.check()
            self._kept = None

    @contextlib.contextmanager
    def _changes_come_first(self) -> Iterator[None]:
        """Where something is wrong, say of an operand that was changed that it was: it is why."""
        try:
            yield
        except Wrong:
            self.check_operands()
            raise

    def check_operands(self) -> None:
        """Raise `Wrong` where the kernel has changed what it was given; what others would get of it is made anew."""
        names = ("the dense one",) if len(self._parts) == 1 else ("the left one", "the right one")
        pairs = zip(names, self._parts, self._given.ours.parts, strict=True)
        changed = [name for name, now, before in pairs if not torch.equal(now, before)]
        changed += [f"{name} of the matrix" for name in self._given.matrix.changed()]
        if changed:
            self._store.drop()
            raise Wrong(f"changed its operand ({', '.join(changed)})")

    def probe(self, call: Callable[[], torch.Tensor]) -> ProductProbe:
        """Return what calls the product through `call`, with an operand that is a little different each time."""
        if self._own is not None:
            exact = self._store.references.reference(self._product, self._given.ours)
            given = self._given.sites, self._given.ours.dense, exact, self._given.allowed.precision
            return ApproximateProbe(call, self._dense, Looked(self._own, *given))
        precision, original = self._given.allowed.precision, self._given.ours.dense
        if self._product.operation == SDDMM:
            return DotsProbe(call, (self._given.kernels, self._given.ours), self._given.sites, precision)
        return ProductProbe(call, self._dense, self._given.sites, self._sampled, original, precision)

    def _check_budget(self, kept_nnz: int) -> None:
        assert self._sampled is not None
        most = self._sampled.sampling.budget * self._matrix.nnz
        if kept_nnz > most:
            raise Wrong(f"multiplied non-zeros must be at most {most:.0f}, the budget's share (got {kept_nnz})")

    def result_bytes(self, result: torch.Tensor) -> int:
        """Return the size of a result."""
        return result.numel() * result.element_size()

    def synchronise(self) -> None:
        """Wait until the device is done."""
        if self._dense.is_cuda:
            torch.cuda.synchronize(self._dense.device)
