"""Turns the adjacencies that a PyTorch Geometric model is called with into ours, once an object."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch_geometric.typing import SparseTensor

from rsc_bench.kernels.contract import Reduce
from rsc_bench.kernels.csr import INT32_MAX, Csr
from rsc_bench.kernels.rsc.adjacency import Adjacency
from rsc_bench.kernels.rsc.conversion.separable import separated
from rsc_bench.kernels.rsc.product import Sampler
from rsc_bench.kernels.rsc.propagation import Propagation

Form = tuple[Any, ...]
"""What was made of an object, in which way: one adjacency serves several layers, normalised in one and plain in another."""

_SPARSE = (torch.sparse_csr, torch.sparse_csc, torch.sparse_coo)


@dataclass(eq=False)
class Prepared:
    """One adjacency with the propagations over it, one a layer, width and dtype; they live as long as it does."""

    adjacency: Adjacency
    propagations: dict[tuple[str, int, torch.dtype], Propagation] = field(default_factory=dict)


class Sources:
    """The adjacencies met so far, by the user's own object; one that dies takes along what was prepared for it.

    An object is taken to stay what it was: a changed adjacency is passed as another object.
    """

    def __init__(self, sampler: Sampler) -> None:
        self._sampler = sampler
        self._known: dict[int, tuple[weakref.ref[Any], dict[Form, Prepared]]] = {}

    @torch.compiler.disable  # type: ignore[untyped-decorator]
    def prepared(self, source: Any, form: Form, make: Callable[[], tuple[Any, Reduce]]) -> Prepared:
        """Return what stands for `source` in one form; `make` returns the matrix, and its aggregation, where it is new."""
        forms = self._forms(source)
        if form not in forms:
            matrix, reduce = make()
            csr = separated(as_csr(matrix)) if self._sampler.kernel.separable else as_csr(matrix)
            adjacency = Adjacency.from_csr(csr, reduce, self._sampler.diagonal).fixed(self._sampler.kernel.separable)
            if torch.is_grad_enabled():
                adjacency.prepare_backward()
            forms[form] = Prepared(adjacency)
        return forms[form]

    def propagations(self) -> list[Propagation]:
        """Return every propagation over an adjacency that is still alive."""
        forms = [prepared for _, known in self._known.values() for prepared in known.values()]
        return [propagation for prepared in forms for propagation in prepared.propagations.values()]

    def _forms(self, source: Any) -> dict[Form, Prepared]:
        key = id(source)
        known = self._known.get(key)
        if known is None or known[0]() is not source:
            known = weakref.ref(source, lambda _: self._known.pop(key, None)), {}
            self._known[key] = known
        return known[1]


def is_adjacency(source: Any) -> bool:
    """Return whether `source` is a sparse matrix that layers can be approximated over, and nothing has to be learnt of it."""
    if isinstance(source, SparseTensor):
        return not source.requires_grad()
    return isinstance(source, torch.Tensor) and source.layout in _SPARSE and not source.requires_grad


def as_csr(matrix: Any) -> Csr:
    """Return a torch sparse tensor or torch-sparse ``SparseTensor`` as a `Csr`, with int32 indices where they fit."""
    if not isinstance(matrix, SparseTensor):
        return Csr.from_torch(matrix.detach(), "adjacency")
    rowptr, col, value = matrix.csr()
    offsets = rowptr.int() if col.numel() <= INT32_MAX else rowptr
    return Csr(offsets, col.int(), value, (matrix.size(0), matrix.size(1)), "adjacency")
