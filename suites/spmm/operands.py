"""Makes the operands of a product once for all of its cases, before any of them is timed or its memory counted."""

from __future__ import annotations

import gc
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import torch

from rsc_bench.harness.machine import memory as main_memory
from rsc_bench.harness.measure.gpu import cuda
from rsc_bench.harness.measure.work import Skip
from rsc_bench.kernels import Csr, Reduce
from rsc_bench.suites import graphs
from rsc_bench.suites.graphs import Graph

_MAKING_BYTES, _MADE_BYTES = 48, 8
"""A non-zero: while a matrix and its transpose are made of a graph (47 to 51 were seen at most), and from then on, of both."""


@dataclass(frozen=True)
class Product:
    """The backward product ``A^T @ G`` of one layer on one graph: what every kernel of a case computes.

    For sum aggregation A is the normalised adjacency of a GCN without its diagonal (which stays exact and dense), for mean
    aggregation the row-stochastic one of GraphSAGE. The transpose is made once, before anything is timed.
    """

    graph: Graph
    width: int
    """Columns of G."""
    dtype: torch.dtype
    reduce: Reduce = "sum"
    device: str = "cpu"


@dataclass(frozen=True, eq=False)
class Operands:
    """What a product multiplies, on its device."""

    matrix: Csr
    """``A^T``; its own transpose, its counts and its norms are made."""
    dense: torch.Tensor
    """G."""


def make(product: Product) -> Operands:
    """Return what every kernel of a case shares, so that none of them pays for it; raises `Skip` where memory does not suffice."""
    _check_room(product)
    if product.device != "cpu":
        _check_gpu_room(product)
    matrix = _on_device(product)
    # All that a matrix keeps once it is asked for: whichever kernel asks first would hold it, and the others find it.
    for each in (matrix, matrix.transpose()):
        _ = each.row_nnz, each.row_norms, each.column_nnz, each.column_norms
    dense = _gradient(product.graph, product.width).to(product.device, product.dtype)
    if dense.is_cuda:
        torch.cuda.synchronize(dense.device)  # or preparing would wait for it, on its clock
    return Operands(matrix, dense)


def _check_room(product: Product) -> None:
    """Raise `Skip` where main memory cannot hold what a case builds there."""
    needed, free = _main_memory_bytes(product), main_memory.free_bytes()
    if free is not None and needed > free:
        graphs.let_go()
        forget()
        free = main_memory.free_bytes()
    if free is not None and needed > free:
        what = f"{product.graph.nodes:,} x {product.width:,} operands and {product.graph.edges:,} non-zeros"
        raise Skip(f"{what} need {needed / 1e9:,.1f} GB of memory ({free / 1e9:,.1f} GB are free)")


def _main_memory_bytes(product: Product) -> int:
    """Return what a case builds in main memory, on whichever device it runs.

    The matrix, where no case before has made it, is made there. Then, on a CPU, the operand and two results, and in float64 the
    references of all and of what was kept, the result and their difference; on a GPU, which compares for itself, the gradient in
    float32 and two references.
    """
    nnz = 0 if product.reduce in _MATRICES.get(product.graph, {}) else product.graph.edges
    entry = 3 * product.dtype.itemsize + 4 * 8 if product.device == "cpu" else torch.float32.itemsize + 2 * 8
    return max(_MAKING_BYTES * nnz, _MADE_BYTES * nnz + product.graph.nodes * product.width * entry)


def _check_gpu_room(product: Product) -> None:
    """Raise `Skip` where the GPU cannot hold the least that any kernel needs: the columns of both matrices, G and two results."""
    nodes, nnz, width = product.graph.nodes, product.graph.edges, product.width
    needed = 2 * 4 * nnz + 3 * nodes * width * product.dtype.itemsize
    if needed > cuda.free_bytes(product.device):
        forget()  # those of the cases before
    free = cuda.free_bytes(product.device)
    if needed > free:
        what = f"{nodes:,} x {width:,} operands and {nnz:,} non-zeros"
        raise Skip(f"{what} need {needed / 1e9:,.1f} GB of GPU memory ({free / 1e9:,.1f} GB are free)")


_MATRICES: WeakKeyDictionary[Graph, dict[Reduce, Csr]] = WeakKeyDictionary()
"""In main memory, for as long as their graphs stay there: making one takes as long as many cases."""
_ON_GPU: dict[tuple[Graph, Reduce, str], Csr] = {}
"""One at a time: what the cases of one graph say of the GPU's memory must not depend on the graphs before."""


def _on_device(product: Product) -> Csr:
    if product.device == "cpu":
        return _matrix(product.graph, product.reduce)
    key = (product.graph, product.reduce, product.device)
    if key not in _ON_GPU:
        forget()
        _ON_GPU[key] = _matrix(product.graph, product.reduce).to(product.device)
    return _ON_GPU[key]


def forget() -> None:
    """Let go of the operands that a GPU keeps for the next case."""
    _ON_GPU.clear()
    gc.collect()  # a matrix and its transpose hold each other


def _matrix(graph: Graph, reduce: Reduce) -> Csr:
    kept = _MATRICES.setdefault(graph, {})
    if reduce not in kept:
        kept[reduce] = (graph.adjacency.gcn() if reduce == "sum" else graph.adjacency.mean()).transpose()
    return kept[reduce]


_GRADIENT: WeakKeyDictionary[Graph, torch.Tensor] = WeakKeyDictionary()
"""The last one, for as long as its graph is kept."""


def _gradient(graph: Graph, width: int) -> torch.Tensor:
    last = _GRADIENT.get(graph)
    if last is None or last.shape[1] != width:
        _GRADIENT.clear()
        _GRADIENT[graph] = last = _drawn(graph, width)
    return last


def _drawn(graph: Graph, width: int) -> torch.Tensor:
    """A gradient whose rows differ in length as real ones do (log-normal), float32; a node has its row in any order of them."""
    generator = torch.Generator().manual_seed(0)
    length = torch.randn(graph.nodes, 1, generator=generator).exp()
    gradient = torch.randn(graph.nodes, width, generator=generator) * length
    return gradient if graph.order is None else gradient[graph.order]
