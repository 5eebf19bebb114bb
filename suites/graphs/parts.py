"""Turns what a graph file holds into a graph, or into one line that says what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rsc_bench.kernels import Csr
from rsc_bench.suites.graphs.graph import Graph, GraphError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import scipy.sparse
    import torch
    from numpy.typing import NDArray

MOST_NODES = 2**28
"""More nodes than any published graph has (ogbn-papers100M: 111 M): a file that claims more is damaged or hostile."""


@dataclass(frozen=True, eq=False)
class Parts:
    """What was read from a graph file, not yet checked."""

    adjacency: scipy.sparse.spmatrix
    """CSR, CSC or COO; duplicates allowed; indices may still be out of range."""
    undirected: bool = False
    """True where each edge may be stored one way only: the graph is then made symmetric, as is practice in GNN training."""
    features: Callable[[], torch.Tensor] | None = None
    """Makes (nodes, features), float32."""
    feature_rows: int | None = None
    """Nodes that have features, for the check; None without features."""
    labels: NDArray[np.int64] | None = None
    """(nodes,), -1 where missing; None without labels."""


def to_graph(parts: Parts, path: Path, name: str) -> Graph:
    """Return the checked graph; raises `GraphError` with the path, the rule, the value and the remedy."""
    nodes = check_shape(parts.adjacency.shape, path)
    check_entries(parts.adjacency, path)
    if parts.adjacency.data.size == 0:
        raise GraphError(f"{path}: a graph must have at least one edge (got 0 edges, {nodes:,} nodes): give a file with edges")
    rows, columns = parts.adjacency.nonzero()
    if (rows == columns).all():
        rule = "a graph must have at least one edge between two nodes"
        raise GraphError(f"{path}: {rule} (got only self-loops): give a file with edges")
    _check_counts(parts, nodes, path)
    adjacency, directed = _adjacency(parts, name)
    labels = parts.labels
    return Graph(
        name=name,
        adjacency=adjacency,
        directed=directed,
        classes=0 if labels is None else int(labels.max(initial=-1)) + 1,
        metric_name="accuracy",
        make_features=parts.features or (lambda: None),
        make_labels=lambda: None if labels is None else _tensor(labels),
    )


def check_shape(shape: tuple[int, int], path: Path) -> int:
    """Return the number of nodes of a square shape of bearable size."""
    rows, columns = (int(size) for size in shape)
    if rows != columns:
        raise GraphError(f"{path}: an adjacency must be square (got {rows} x {columns}): store one row and one column a node")
    if rows > MOST_NODES:
        raise GraphError(f"{path}: a graph may have at most {MOST_NODES:,} nodes (got {rows:,}): check the shape in the file")
    return rows


def check_entries(matrix: Any, path: Path) -> None:
    """Raise unless every index lies in the matrix and every value is finite, before any compiled code follows an index.

    Args:
        matrix: CSR, CSC or COO of SciPy.
        path: the file it is from.
    """
    rows, columns = matrix.shape
    along = {"csr": [("indices", columns)], "csc": [("indices", rows)], "coo": [("row", rows), ("col", columns)]}
    for name, limit in along[matrix.format]:
        index = getattr(matrix, name)
        if index.size and (int(index.min()) < 0 or int(index.max()) >= limit):
            span = f"{int(index.min())} to {int(index.max())}"
            raise GraphError(f"{path}: indices must lie in [0, {limit}) (got {span}): number from 0, or correct the shape")
    if matrix.format != "coo" and _broken(matrix.indptr, matrix.indices.size):
        raise GraphError(f"{path}: indptr must rise from 0 to the number of indices, {matrix.indices.size}: write the file anew")
    if matrix.data.dtype.kind not in "biuf":
        raise GraphError(f"{path}: values must be real numbers (got {matrix.data.dtype}): store the real part or no values")
    finite = np.isfinite(matrix.data)
    if not finite.all():
        bad = matrix.data[~finite]
        raise GraphError(f"{path}: values must be finite (got {bad[0]}, {bad.size:,} in all not finite): remove or correct them")


def class_numbers(values: NDArray[Any], missing: object) -> NDArray[np.int64]:
    """Return for each value its place among the sorted values, -1 for the missing one."""
    known = values != missing
    numbers = np.full(values.size, -1, dtype=np.int64)
    numbers[known] = np.unique(values[known], return_inverse=True)[1]
    return numbers


def _broken(indptr: NDArray[Any], entries: int) -> bool:
    return bool(indptr[0] != 0 or indptr[-1] != entries or (np.diff(indptr.astype(np.int64)) < 0).any())


def _check_counts(parts: Parts, nodes: int, path: Path) -> None:
    counts = {"features": parts.feature_rows, "labels": None if parts.labels is None else parts.labels.size}
    for what, count in counts.items():
        if count is not None and count != nodes:
            raise GraphError(f"{path}: {what} must be given for each of {nodes:,} nodes (got {count:,}): complete or remove them")


def _adjacency(parts: Parts, name: str) -> tuple[Csr, bool]:
    matrix = parts.adjacency.tocsr()
    # All ones before repeats are summed: an edge that is listed twice is one edge, not one of weight two.
    weighted = not bool((matrix.data == 1).all())
    matrix.sum_duplicates()
    if not weighted:
        matrix.data[:] = 1
    if parts.undirected:
        back = matrix.T.tocsr()
        matrix = matrix + back - back.multiply(matrix.astype(bool))
    directed = not parts.undirected and _asymmetric(matrix)
    return Csr.from_scipy(matrix, name=name, weighted=weighted), directed


def _asymmetric(matrix: Any) -> bool:
    return bool((matrix != matrix.T.tocsr()).nnz > 0)


def _tensor(array: NDArray[Any]) -> torch.Tensor:
    import torch

    return torch.from_numpy(array)
