"""Keeps what the cases of one run share, so that each graph, matrix, gradient and float64 reference is made once."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Callable
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from rsc_bench import allocator
from rsc_bench.harness.machine import memory as main_memory
from rsc_bench.harness.measure.memory import process
from rsc_bench.kernels import Csr
from rsc_bench.kernels.contract import SDDMM
from rsc_bench.suites.graphs import Facts, Graph, GraphStore
from rsc_bench.suites.spmm.dots.sites import dot_sites
from rsc_bench.suites.spmm.fingerprint import Fingerprint, Sums
from rsc_bench.suites.spmm.operands import Operands, OperandStore, Product
from rsc_bench.suites.spmm.reference import References
from rsc_bench.suites.spmm.sites import sites

Reading = Callable[[], int | None]
"""Reads some bytes; None where the machine does not say."""


class Store:
    """Graphs, the operands made of them, and the references of their products; all of it goes with the store."""

    def __init__(self, data_root: Path | None = None, on_disk: bool = True) -> None:
        """Begin with nothing.

        Args:
            data_root: folder of published graphs; None: ``data``.
            on_disk: whether graphs are kept on disk as well, see `GraphStore`.
        """
        self._data_root, self._on_disk = data_root, on_disk
        self.loaded: Callable[[Facts], None] = lambda facts: None  # noqa: ARG005
        """Is told of each graph when it is loaded for the first time here."""
        self._told: set[str] = set()
        self.drop()

    def drop(self) -> None:
        """Forget everything: a kernel has changed what others would get, and it is made anew."""
        self._graphs = GraphStore(on_disk=self._on_disk)
        self.operands = OperandStore(self._graphs)
        self.references = References()
        # Of each kind of product, some kilobytes: finding them takes longer than many a small product.
        self._sites: WeakKeyDictionary[Graph, dict[tuple[object, ...], list[Any]]] = WeakKeyDictionary()
        self._unchanged: WeakKeyDictionary[Csr, Sums] = WeakKeyDictionary()
        """What is in the matrices that cases have left as they were: the next one need not read it again."""
        self.watched: Fingerprint | None = None
        """The matrix of the case at work, or the adjacency of its graph, which others use too; None between cases."""

    def sites(self, product: Product, made: Operands) -> list[Any]:
        """Return the places of a product's dense operands that are changed between calls; `made`: the operands.

        Each is a `Site`, of SDDMM a `DotSite`.
        """
        kept = self._sites.setdefault(product.graph, {})
        kind = (product.width, product.dtype, product.reduce, product.device, product.operation)
        if kind not in kept:
            kept[kind] = dot_sites(made) if product.operation == SDDMM else sites(made.matrix, made.dense, product.asked)
        return kept[kind]

    def make_way(self, free_bytes: Reading = main_memory.free_bytes, taken_bytes: Reading = process.resident) -> None:
        """Forget everything where this process has more of main memory than it leaves to another, whose turn it is.

        And where it leaves less than its last product needed, for the other one's may be the same.
        """
        free, taken = free_bytes(), taken_bytes()
        if free is not None and taken is not None and free < max(taken, self.operands.needed_bytes):
            self.drop()
            gc.collect()  # a matrix and its transpose refer to each other
            allocator.trim()  # where freed memory is kept, nothing would be given back

    def watch(self, matrix: Csr) -> Fingerprint:
        """Return what is in the matrix of the case that begins, which `put_back` looks at behind it."""
        self.watched = mark = Fingerprint(matrix, sums=self._unchanged.get(matrix))
        self._unchanged[matrix] = mark.sums
        return mark

    def put_back(self) -> list[str]:
        """Return what the case that has ended changed of its matrix, however it ended; what others would find is made anew."""
        watched, self.watched = self.watched, None
        with contextlib.suppress(RuntimeError):  # of a GPU that can do nothing more: its process ends
            if watched is not None and (changed := watched.changed()):
                self.drop()
                return [f"its operand ({', '.join(changed)} of the matrix)"]
        return []

    @property
    def trouble(self) -> str | None:
        """Why a graph was not kept on disk; None where all were that may be."""
        return self._graphs.trouble

    def tell(self, take: Callable[[str], object]) -> None:
        """Have what takes long said to `take`, see `GraphStore.tell`."""
        self._graphs.tell(take)

    def graph(self, name: str, reorder: str | None = None) -> Graph:
        """Return a graph by name or path, see `rsc_bench.suites.graphs.load`."""
        graph = self._graphs.load(name, self._data_root, reorder)
        if name not in self._told:
            self._told.add(name)
            self.loaded(graph.facts)
        return graph
