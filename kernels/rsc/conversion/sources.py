"""Turns the adjacencies that a PyTorch Geometric model is called with into ours, once for an object and its version."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import Any

import torch
from torch_geometric.typing import SparseTensor

from rsc_bench.kernels.checked import fit
from rsc_bench.kernels.contract import Reduce
from rsc_bench.kernels.csr import Csr
from rsc_bench.kernels.rsc.adjacency import Adjacency
from rsc_bench.kernels.rsc.conversion.keeping import KeptProducts
from rsc_bench.kernels.rsc.conversion.remembering import outside_of_graphs, version
from rsc_bench.kernels.rsc.conversion.separable import separated
from rsc_bench.kernels.rsc.product import Sampler
from rsc_bench.kernels.rsc.propagation import Propagation

Form = tuple[Any, ...]
"""What was made of an object, in which way: one adjacency serves several layers, normalised in one and plain in another."""

_SPARSE = (torch.sparse_csr, torch.sparse_csc, torch.sparse_coo)


@dataclass(eq=False)
class Prepared:
    """One adjacency with the propagations over it, one a layer, width and dtype; they live as long as it and the layer do."""

    adjacency: Adjacency
    propagations: weakref.WeakKeyDictionary[object, dict[tuple[int, torch.dtype], Propagation]] = field(
        default_factory=weakref.WeakKeyDictionary
    )
    weight: tuple[weakref.ref[torch.Tensor], tuple[int, ...] | None] | None = None
    """The weights of an edge list that it was made with, and their version; None: it has none."""
    kept: KeptProducts = field(default_factory=KeptProducts)
    """Its products with features that stay what they are."""

    @property
    def stale(self) -> bool:
        """Whether the weights that it was made with are no more, or are others by now."""
        if self.weight is None:
            return False
        weight = self.weight[0]()
        return weight is None or version(weight) != self.weight[1]


@dataclass(frozen=True)
class Edges:
    """An edge list as a layer multiplies with it."""

    source: Any
    """The user's own object, which says by its identity and version whether the list is known."""
    index: torch.Tensor
    """(2, edges), integer: what is in it."""
    weight: torch.Tensor | None
    """(edges,), floating; None: all are one."""
    shape: tuple[int, int]
    """Rows, which are targets, and columns, which are sources."""
    rows_first: bool
    """Whether ``index[0]`` has the targets (PyG's flow ``target_to_source``)."""
    reduce: Reduce


class Sources:
    """The adjacencies met so far, by the user's own object and its version; one that dies takes along what was prepared for it."""

    def __init__(self, sampler: Sampler) -> None:
        self._sampler = sampler
        self._known: dict[int, tuple[weakref.ref[Any], tuple[int, ...], dict[Form, Any]]] = {}
        self.converted = 0
        """Edge lists and adjacencies that were converted so far."""
        self.converting_s = 0.0
        """Seconds that took."""
        self.first_s, self.first_edges = 0.0, 0
        """Seconds of the first of them, which compiles or loads, and its edges."""

    def prepared(self, source: Any, form: Form, make: Callable[[], tuple[Any, Reduce]]) -> Prepared:
        """Return what stands for the sparse adjacency `source` in one form; `make` returns the matrix and its aggregation."""
        found: Prepared = self._known_or_made(source, form, lambda _: self._made(*make()))
        return found

    def from_edges(self, edges: Edges) -> Prepared:
        """Return what stands for an edge list. The pattern is sorted once; other weights on it are laid out as it was.

        Raises ``ValueError`` for an index outside of the shape.
        """
        weight, place = edges.weight, (edges.shape, edges.rows_first)
        given = None if weight is None else (id(weight), version(weight), weight.dtype)

        def make(forms: dict[Form, Any]) -> Prepared:
            for gone in [key for key, known in forms.items() if isinstance(known, Prepared) and known.stale]:
                del forms[gone]
            if place not in forms:
                forms[place] = _Pattern.of(edges)
            made = self._made(forms[place].weighted(weight), edges.reduce)
            made.weight = None if weight is None else (weakref.ref(weight), version(weight))
            return made

        found: Prepared = self._known_or_made(edges.source, (*place, given, edges.reduce), make)
        return found

    def knows(self, source: Any) -> bool:
        """Return whether `source`, as it is now, was converted before."""
        known = self._known.get(id(source))
        return known is not None and known[0]() is source and known[1] == version(source)

    def propagations(self) -> list[Propagation]:
        """Return every propagation over an adjacency that is still alive."""
        return [propagation for made in self._alive() for those in made.propagations.values() for propagation in those.values()]

    @property
    def kept_bytes(self) -> int:
        """Bytes of the products with features that stay what they are, over all adjacencies that are still alive."""
        return sum(made.kept.nbytes for made in self._alive())

    def _alive(self) -> list[Prepared]:
        return [prepared for _, _, known in self._known.values() for prepared in known.values() if isinstance(prepared, Prepared)]

    @outside_of_graphs  # type: ignore[untyped-decorator]
    def _known_or_made(self, source: Any, form: Form, make: Callable[[dict[Form, Any]], Prepared]) -> Prepared:
        forms = self._forms(source)
        found = forms.get(form)
        if found is None or found.stale:
            start, trained = perf_counter(), torch.is_grad_enabled()
            with torch.inference_mode(False), torch.no_grad():
                found = forms[form] = make(forms)
                if trained:
                    found.adjacency.prepare_backward()
            seconds = perf_counter() - start
            if not self.converted:
                self.first_s, self.first_edges = seconds, found.adjacency.matrix.nnz
            self.converted += 1
            self.converting_s += seconds
        return found

    def _made(self, matrix: Any, reduce: Reduce) -> Prepared:
        csr = matrix if isinstance(matrix, Csr) else as_csr(matrix)
        csr = separated(csr) if self._sampler.kernel.separable else csr
        return Prepared(Adjacency.from_csr(csr, reduce, self._sampler.diagonal).fixed(self._sampler.kernel.separable))

    def _forms(self, source: Any) -> dict[Form, Any]:
        key, now = id(source), version(source)
        known = self._known.get(key)
        if known is None or known[0]() is not source or known[1] != now or now is None:
            known = weakref.ref(source, lambda _: self._known.pop(key, None)), now or (), {}
            self._known[key] = known
        return known[2]


@dataclass(frozen=True, eq=False)
class _Pattern:
    """The sorted edges of an edge list, with which its weights become values."""

    matrix: Csr
    order: torch.Tensor
    """(edges,), int64: see `Csr.from_edges`."""

    @classmethod
    def of(cls, edges: Edges) -> _Pattern:
        rows, columns = (0, 1) if edges.rows_first else (1, 0)
        return cls(*Csr.from_edges(edges.index[rows], edges.index[columns], edges.shape, "adjacency"))

    def weighted(self, weight: torch.Tensor | None) -> Csr:
        if weight is None:
            return self.matrix
        return replace(self.matrix, entries=weight.detach()[self.order], _transposed=[])


def is_adjacency(source: Any) -> bool:
    """Return whether `source` is a sparse matrix, and nothing has to be learnt of it."""
    if isinstance(source, SparseTensor):
        return not source.requires_grad()
    return isinstance(source, torch.Tensor) and source.layout in _SPARSE and not source.requires_grad


def as_csr(matrix: Any) -> Csr:
    """Return a torch sparse tensor or torch-sparse ``SparseTensor`` as a `Csr`, with int32 indices where they fit."""
    if not isinstance(matrix, SparseTensor):
        return Csr.from_torch(matrix.detach(), "adjacency")
    rowptr, col, value = matrix.csr()
    whole = Csr(rowptr, col, value, (matrix.size(0), matrix.size(1)), "adjacency")
    return Csr.trusted(fit(whole.rowptr), whole.col, whole.entries, whole.shape, whole.name)
