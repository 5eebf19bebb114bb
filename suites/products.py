"""Makes one SpMM case into work for the harness: operands, a float64 reference, and the kernel prepared."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch

from harness import cuda, main_memory
from harness.measure import Checked, Skip, Wrong
from kernels import Csr, Kernel, Multiply, Reduce, Unsupported
from kernels.sampled.compose import SampledMultiply
from suites import references
from suites.graphs import Graph

TOLERANCE = {torch.float64: 1e-12, torch.float32: 1e-5, torch.bfloat16: 1e-2}
"""Largest relative Frobenius error of a right kernel: some hundred roundings of the dtype, far below one wrong row."""


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


def make_operands(product: Product) -> None:
    """Make what every kernel of a case shares, so that none of them pays for it; raises `Skip` where memory does not suffice."""
    nodes, width = product.graph.nodes, product.width
    needed = nodes * width * (3 * product.dtype.itemsize + 3 * 8)  # operand and two results; reference and difference in float64
    free = main_memory.free_bytes()
    if free is not None and needed > free:
        raise Skip(f"{nodes:,} x {width:,} operands need {needed / 1e9:,.1f} GB of memory ({free / 1e9:,.1f} GB are free)")
    if product.device != "cpu":
        _check_gpu_room(product)
    matrix = _matrix(product)
    matrix.transpose()
    _ = matrix.column_norms, matrix.column_nnz
    _dense(product)


def _check_gpu_room(product: Product) -> None:
    """Raise `Skip` where the GPU cannot hold the least that any kernel needs: the columns of both matrices, G and two results."""
    nodes, nnz, width = product.graph.nodes, product.graph.edges, product.width
    needed = 2 * 4 * nnz + 3 * nodes * width * product.dtype.itemsize
    if needed > cuda.free_bytes(product.device):
        forget_operands()  # of the cases before
    free = cuda.free_bytes(product.device)
    if needed > free:
        what = f"{nodes:,} x {width:,} operands and {nnz:,} non-zeros"
        raise Skip(f"{what} need {needed / 1e9:,.1f} GB of GPU memory ({free / 1e9:,.1f} GB are free)")


def work(product: Product, kernel: Kernel) -> SpmmWork:
    """Return the kernel prepared for the product; raises `Skip` where it cannot compute it."""
    matrix, dense = _matrix(product), _dense(product)
    try:
        multiply = kernel.prepare(matrix, product.width, product.dtype)
    except Unsupported as reason:
        raise Skip(str(reason)) from reason
    return SpmmWork(product, matrix, dense, multiply)


class SpmmWork:
    """A prepared SpMM as the harness calls it."""

    def __init__(self, product: Product, matrix: Csr, dense: torch.Tensor, multiply: Multiply) -> None:
        self._product, self._matrix, self._dense, self._multiply = product, matrix, dense, multiply
        self._sampled = multiply if isinstance(multiply, SampledMultiply) else None
        self.device = product.device
        self.period = self._sampled.sampling.interval if self._sampled else 1
        self.select: Callable[[], object] | None = self._select if self._sampled else None
        self.multiply: Callable[[], object] | None = self._multiply_alone if self._sampled else None

    def __call__(self) -> torch.Tensor:
        """Return the product, selecting first where it is due."""
        return self._multiply(self._dense)

    def _select(self) -> None:
        assert self._sampled is not None
        self._sampled.select(self._dense)

    def _multiply_alone(self) -> torch.Tensor:
        assert self._sampled is not None
        return self._sampled.multiply(self._dense)

    def check(self, result: torch.Tensor) -> Checked:
        """Compare with the product of the kept pairs in float64, and with the whole one for the error of sampling."""
        exact = reference(self._product)
        kept_nnz, kept_pairs = self._matrix.nnz, None
        wanted = exact
        if self._sampled is not None:
            weights = self._sampled.kept.weights.cpu()
            kept_nnz, kept_pairs = self._sampled.kept_nnz, int((weights != 0).sum())
            wanted = reference(self._product, weights)
            self._check_budget(kept_nnz)
        found = result.double().cpu().numpy()
        check_error = self._check_result(found, wanted)
        return Checked(
            rel_error=check_error if wanted is exact else relative_error(found, exact),
            check_error=check_error,
            nnz=self._matrix.nnz,
            kept_nnz=kept_nnz,
            rows=self._matrix.shape[0],
            columns=self._matrix.shape[1],
            kept_pairs=kept_pairs,
            value_bytes=0 if self._matrix.entries is None else self._product.dtype.itemsize,
            graph_digest=self._product.graph.digest,
        )

    def _check_result(self, found: np.ndarray, wanted: np.ndarray) -> float:
        if found.shape != wanted.shape:
            raise Wrong(f"result must have shape {wanted.shape} (got {found.shape})")
        error, most = relative_error(found, wanted), TOLERANCE[self._product.dtype]
        if not error <= most:  # written so that NaN does not pass
            raise Wrong(f"relative error against float64 must be at most {most:g} (got {error:g})")
        return error

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


def relative_error(found: np.ndarray, wanted: np.ndarray) -> float:
    """Return the Frobenius norm of the difference over that of `wanted`; the plain norm of `found` where `wanted` is 0."""
    scale = float(np.linalg.norm(wanted))
    return float(np.linalg.norm(found - wanted)) / scale if scale else float(np.linalg.norm(found))


# Few entries: a graph of a hundred million non-zeros fills gigabytes, and a round visits the graphs one after the other.
@lru_cache(maxsize=4)
def _operands(graph: Graph, reduce: Reduce, device: str) -> Csr:
    matrix = graph.adjacency.gcn() if reduce == "sum" else graph.adjacency.mean()
    return matrix.transpose().to(device)


def forget_operands() -> None:
    """Let go of the operands that are kept for the next case, as those of a GPU that is full."""
    _operands.cache_clear()


def _matrix(product: Product) -> Csr:
    return _operands(product.graph, product.reduce, product.device)


@lru_cache(maxsize=4)
def _gradient(graph: Graph, width: int) -> torch.Tensor:
    """A gradient whose rows differ in length as real ones do (log-normal), float32; a node has its row in any order of them."""
    generator = torch.Generator().manual_seed(0)
    length = torch.randn(graph.nodes, 1, generator=generator).exp()
    gradient = torch.randn(graph.nodes, width, generator=generator) * length
    return gradient if graph.order is None else gradient[graph.order]


def _dense(product: Product) -> torch.Tensor:
    return _gradient(product.graph, product.width).to(product.device, product.dtype)


def reference(product: Product, weights: torch.Tensor | None = None) -> np.ndarray:
    """Return ``A^T @ diag(weights) @ G`` in float64, (nodes, width), from the operands as the kernel sees them.

    Kept by the contents of the weights: kernels that select alike share it.
    """
    digest = b"" if weights is None else hashlib.blake2b(weights.numpy().data, digest_size=16).digest()
    return _REFERENCES.get((product, digest), lambda: references.product(_matrix(product), _dense(product), weights))


class _Kept:
    """Arrays by key, the oldest dropped when they pass a number of bytes."""

    def __init__(self, most_bytes: int) -> None:
        self._arrays: dict[Hashable, np.ndarray] = {}
        self._most_bytes = most_bytes

    def get(self, key: Hashable, make: Callable[[], np.ndarray]) -> np.ndarray:
        """Return the array of a key, made where it is not there."""
        array = self._arrays.pop(key, None)
        array = make() if array is None else array
        while self._arrays and array.nbytes + sum(kept.nbytes for kept in self._arrays.values()) > self._most_bytes:
            del self._arrays[next(iter(self._arrays))]
        self._arrays[key] = array
        return array


_REFERENCES = _Kept(most_bytes=2 << 30)
