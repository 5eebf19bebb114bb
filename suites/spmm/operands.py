"""Makes the operands of a product once for all of its cases, before any of them is timed or its memory counted."""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import torch

from rsc_bench import allocator
from rsc_bench.harness.machine import memory as main_memory
from rsc_bench.harness.measure.gpu import cuda
from rsc_bench.harness.measure.work import Skip
from rsc_bench.kernels import Csr, Reduce
from rsc_bench.kernels.contract import EXTREMA, SDDMM, SPMM, Operation
from rsc_bench.suites.graphs import Graph, GraphStore
from rsc_bench.suites.spmm import matrices

_MAKING_BYTES, _MADE_BYTES = 48, 8
"""A non-zero: while a matrix and its transpose are made of a graph (47 to 51 were seen at most), and from then on, of both."""
_GAPS = 3
"""Results that would fit into what is left between blocks where freed memory is kept (2.4 were seen at most)."""


@dataclass(frozen=True)
class Product:
    """The backward product ``A^T @ G`` of one layer on one graph: what every kernel of a case computes.

    For sum aggregation A is the normalised adjacency of a GCN without its diagonal (which stays exact and dense), for mean
    aggregation the row-stochastic one of GraphSAGE. The transpose is made once, before anything is timed. A maximum or minimum is
    that of a node's neighbours, over the rows of the adjacency itself, all of whose values are one.

    Of SDDMM it is ``X[i] @ Y[j]`` for each non-zero (i, j) of that adjacency: the scores of edges in an attention.
    """

    graph: Graph
    width: int
    """Columns of G."""
    dtype: torch.dtype
    reduce: Reduce = "sum"
    device: str = "cpu"
    operation: Operation = SPMM

    @property
    def normalised(self) -> Reduce:
        """The aggregation that the adjacency is made ready for: dot products look at the edges alone, as an extremum does."""
        return "max" if self.operation == SDDMM else self.reduce

    @property
    def asked(self) -> Reduce:
        """What a kernel is asked for: a mean is a sum, for the matrix has its division."""
        return self.reduce if self.reduce in EXTREMA else "sum"


@dataclass(frozen=True, eq=False)
class Operands:
    """What a product multiplies, on its device."""

    matrix: Csr
    """``A^T``, or A of an extremum; its own transpose, its counts and its norms are made."""
    dense: torch.Tensor
    """G; of SDDMM Y, of whose rows each column has one."""
    left: torch.Tensor | None = None
    """X of SDDMM, (rows, width); None: a product, which has one dense operand."""

    @property
    def parts(self) -> tuple[torch.Tensor, ...]:
        """The dense operands, as a kernel is called with them."""
        return (self.dense,) if self.left is None else (self.left, self.dense)

    def copied(self) -> Operands:
        """Return the same matrix with dense operands of its own."""
        return Operands(self.matrix, self.dense.clone(), None if self.left is None else self.left.clone())


class OperandStore:
    """Makes operands, and keeps what the next case can use: matrices as long as their graphs, on a GPU one at a time."""

    def __init__(
        self,
        graphs: GraphStore,
        free_bytes: Callable[[], int | None] = main_memory.free_bytes,
        gpu_free_bytes: Callable[[str], int] = cuda.free_bytes,
    ) -> None:
        """Begin with nothing.

        Args:
            graphs: where graphs that no case uses are dropped when memory is short.
            free_bytes: reads how much main memory is free; None where the machine does not say.
            gpu_free_bytes: reads the same of a GPU by its name.
        """
        self._graphs, self._free_bytes, self._gpu_free_bytes = graphs, free_bytes, gpu_free_bytes
        # In main memory, for as long as their graphs stay there: making one takes as long as many cases.
        self._matrices: WeakKeyDictionary[Graph, dict[Reduce, Csr]] = WeakKeyDictionary()
        # One at a time: what the cases of one graph take of the GPU's memory must not depend on the graphs before.
        self._on_gpu: dict[tuple[Graph, Reduce, str], Csr] = {}
        self.needed_bytes = 0
        """Of main memory, that the last product needed with nothing made before."""
        # The last ones, for as long as their graph is kept.
        self._gradients: WeakKeyDictionary[Graph, torch.Tensor] = WeakKeyDictionary()
        self._lefts: WeakKeyDictionary[Graph, torch.Tensor] = WeakKeyDictionary()

    def make(self, product: Product) -> Operands:
        """Return what every kernel of a case shares, so that none of them pays for it; raises `Skip` where memory is too small."""
        self._check_room(product)
        if product.device != "cpu":
            self._check_gpu_room(product)
        matrix = self._on_device(product)
        # All that a matrix keeps once it is used: whichever kernel uses it first would have it, and the others find it.
        matrices.complete(matrix)
        dense = _last(self._gradients, product, _drawn)
        left = _last(self._lefts, product, _drawn_left) if product.operation == SDDMM else None
        if dense.is_cuda:
            torch.cuda.synchronize(dense.device)  # or preparing would wait for it, on its clock
        return Operands(matrix, dense, left)

    def free_gpu(self) -> None:
        """Drop what a GPU keeps for the next case."""
        self._on_gpu.clear()
        gc.collect()  # a matrix and its transpose refer to each other

    def matrix(self, graph: Graph, reduce: Reduce) -> Csr:
        """Return the sparse operand in main memory."""
        kept = self._matrices.setdefault(graph, {})
        if reduce not in kept:
            kept[reduce] = matrices.sparse_operand(self._graphs.disk, graph, reduce)
        return kept[reduce]

    def main_memory_bytes(self, product: Product) -> int:
        """Return what a case builds in main memory, on whichever device it runs.

        The matrix, where no case before has made it, is made there. Then, on a CPU, the operand, the kernel's copy of it and two
        results, and in float64 the references of all and of what was kept, the result and their difference; on a GPU, which
        compares for itself, the gradient in float32 and two references. Where freed memory is kept, with gaps. Of SDDMM there are
        two operands, and results are as long as the matrix.
        """
        nnz = 0 if product.normalised in self._matrices.get(product.graph, {}) else product.graph.edges
        return self._bytes(product, nnz)

    def _bytes(self, product: Product, nnz: int) -> int:
        entry = 4 * product.dtype.itemsize + 4 * 8 if product.device == "cpu" else torch.float32.itemsize + 2 * 8
        entry += _GAPS * product.dtype.itemsize * allocator.is_kept()
        if product.operation == SPMM:
            return max(_MAKING_BYTES * nnz, _MADE_BYTES * nnz + product.graph.nodes * product.width * entry)
        operands = 2 * product.graph.nodes * product.width * (torch.float32.itemsize + 2 * product.dtype.itemsize)
        return max(_MAKING_BYTES * nnz, _MADE_BYTES * nnz + operands + product.graph.edges * entry)

    def _check_room(self, product: Product) -> None:
        """Raise `Skip` where main memory is too small for what a case builds there."""
        self.needed_bytes = self._bytes(product, product.graph.edges)
        needed, free = self.main_memory_bytes(product), self._free_bytes()
        if free is not None and needed > free:
            self._graphs.keep_last()
            self.free_gpu()
            allocator.trim()  # where freed memory is kept, it is not free for others, but for this one
            free = self._free_bytes()
        if free is not None and needed > free:
            raise _too_large(product, needed, free, "memory")

    def _check_gpu_room(self, product: Product) -> None:
        """Raise `Skip` where a GPU is too small for what any kernel needs: both matrices' columns, operands twice, two results."""
        needed = 2 * 4 * product.graph.edges + 4 * product.graph.nodes * product.width * product.dtype.itemsize
        if product.operation == SDDMM:  # two operands in the place of one and of results, which are of the edges here
            needed += 2 * product.graph.edges * product.dtype.itemsize
        if needed > self._gpu_free_bytes(product.device):
            self.free_gpu()  # of the cases before
        free = self._gpu_free_bytes(product.device)
        if needed > free:
            raise _too_large(product, needed, free, "GPU memory")

    def _on_device(self, product: Product) -> Csr:
        if product.device == "cpu":
            return self.matrix(product.graph, product.normalised)
        key = (product.graph, product.normalised, product.device)
        if key not in self._on_gpu:
            self.free_gpu()
            self._on_gpu[key] = self.matrix(product.graph, product.normalised).to(product.device)
        return self._on_gpu[key]


def _last(
    kept: WeakKeyDictionary[Graph, torch.Tensor], product: Product, draw: Callable[[Graph, int], torch.Tensor]
) -> torch.Tensor:
    """Return a dense operand on its device; the last one is kept in float32."""
    last = kept.get(product.graph)
    if last is None or last.shape[1] != product.width:
        kept.clear()
        kept[product.graph] = last = draw(product.graph, product.width)
    return last.to(product.device, product.dtype)


def _too_large(product: Product, needed: int, free: int, memory: str) -> Skip:
    what = f"{product.graph.nodes:,} x {product.width:,} operands and {product.graph.edges:,} non-zeros"
    return Skip(f"{what} need {needed / 1e9:,.1f} GB of {memory} ({free / 1e9:,.1f} GB are free)")


def _drawn(graph: Graph, width: int) -> torch.Tensor:
    """A gradient whose rows differ in length as real ones do (log-normal), float32; a node has its row in any order of them."""
    generator = torch.Generator().manual_seed(0)
    length = torch.randn(graph.nodes, 1, generator=generator).exp()
    gradient = torch.randn(graph.nodes, width, generator=generator) * length
    return gradient if graph.order is None else gradient[graph.order]


def _drawn_left(graph: Graph, width: int) -> torch.Tensor:
    """What an attention asks with, float32: over the root of the width, so that scores stay of one size, whatever that is."""
    generator = torch.Generator().manual_seed(1)
    asking: torch.Tensor = torch.randn(graph.nodes, width, generator=generator) / width**0.5
    return asking if graph.order is None else asking[graph.order]
