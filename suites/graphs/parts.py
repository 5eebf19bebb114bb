"""Turns what a graph file holds into a graph, by one rule for all formats, or into one line that says what is wrong with it.

The rule, which the guide gives to users (``docs/how-it-works/graphs.md``):

- **Weights.** A graph has weights where its file lists values and not all of them are 1.
- **Repeated entries.** Without weights an edge that is listed again is the same edge. With weights the values are summed, as Matrix
  Market and SciPy do.
- **Self-loops** stay as they are listed.
- **Direction.** A format whose entries are edges without a direction (`Parts.undirected`) is made symmetric, unless it lists an
  edge with another weight each way: that is a direction, and the graph stays as it is listed. Any other format is what it lists. A
  graph is called directed exactly where its adjacency is not symmetric.
- **Values** become float32: none may be too large for it, and not all may be zero in it. An entry of value zero is an edge.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rsc_bench.kernels import Csr
from rsc_bench.suites.graphs.graph import Graph, GraphError, Reading, nothing

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import scipy.sparse
    import torch
    from numpy.typing import NDArray

MOST_NODES = 2**28
"""More nodes than any published graph has (ogbn-papers100M: 111 M): a file that claims more is damaged or hostile."""
ROOM = 1e30
"""How large the largest value of a graph may be, and one by how small: right products of others leave float32's range."""
FREE_NODES, NODES_AN_ENTRY = 2**20, 64
"""A graph may have so many nodes whatever its file lists, and so many more for each entry: one number must not cost gigabytes.

And one more for each byte of the file, for offsets of nodes without edges are bytes too.
"""
FREE_BYTES, BYTES_AN_ENTRY = 2**28, 2**14
"""The same for the bytes of a table of features that is sparse in its file: the Facebook pages of MUSAE have 1,350 an entry."""


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
    """(nodes,), -1 where missing; None without labels. Its distinct values are the classes."""
    mirrored: int = 0
    """1 where each entry off the diagonal stands for its opposite too, -1 where for that with the other sign; else 0."""
    feature_count: int | None = None
    """Features a node; None where that is not known before they are made."""


def to_graph(parts: Parts, path: Path, name: str) -> Graph:
    """Return the checked graph; raises `GraphError` with the path, the rule, the value and the remedy."""
    nodes = check_shape(parts.adjacency.shape, path)
    check_entries(parts.adjacency, path)
    if parts.adjacency.data.size == 0:
        raise GraphError(f"{path}: a graph must have at least one edge (got 0 edges, {nodes:,} nodes): give a file with edges")
    _check_counts(parts, nodes, path)
    _check_announced(parts, nodes, path)
    matrix, weighted, reading = _read(parts, path)
    if (_rows(matrix) == matrix.indices).all():
        rule = "a graph must have at least one edge between two nodes"
        raise GraphError(f"{path}: {rule} (got only self-loops): give a file with edges")
    labels = None if parts.labels is None else class_numbers(parts.labels, parts.labels >= 0)
    return Graph(
        name=name,
        adjacency=Csr.from_scipy(matrix, name=name, weighted=weighted),
        directed=not _symmetric(matrix),
        classes=0 if labels is None else int(labels.max(initial=-1)) + 1,
        metric_name="accuracy",
        make_features=parts.features or nothing,
        make_labels=nothing if labels is None else lambda: _tensor(labels),
        feature_count=parts.feature_count if parts.features else 0,
        reading=reading,
    )


def check_shape(shape: tuple[int, ...], path: Path) -> int:
    """Return the number of nodes of a square shape of bearable size."""
    sizes = tuple(int(size) for size in shape)
    if len(sizes) != 2:
        raise GraphError(f"{path}: an adjacency must have 2 dimensions (got {len(sizes)}): store one row and one column a node")
    rows, columns = sizes
    if rows != columns:
        raise GraphError(f"{path}: an adjacency must be square (got {rows} x {columns}): store one row and one column a node")
    if not 0 <= rows <= MOST_NODES:
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
        check_indices(getattr(matrix, name), limit, path)
    if matrix.format != "coo":
        check_indptr(matrix.indptr, matrix.indices.size, path)
    check_values(matrix.data, path)


def check_indices(index: NDArray[Any], limit: int, path: Path) -> None:
    """Raise unless every index lies in [0, limit)."""
    if index.size and (int(index.min()) < 0 or int(index.max()) >= limit):
        span = f"{int(index.min())} to {int(index.max())}"
        raise GraphError(f"{path}: indices must lie in [0, {limit}) (got {span}): number from 0, or correct the shape")


def check_indptr(indptr: NDArray[Any], entries: int, path: Path) -> None:
    """Raise unless the offsets of a CSR or CSC matrix rise from 0 to its number of entries."""
    if indptr[0] != 0 or indptr[-1] != entries or (indptr[1:] < indptr[:-1]).any():
        raise GraphError(f"{path}: indptr must rise from 0 to the number of indices, {entries}: write the file anew")


def check_values(values: NDArray[Any], path: Path) -> None:
    """Raise unless the values are finite real numbers that float32 can hold."""
    if values.dtype.kind not in "biuf":
        raise GraphError(f"{path}: values must be real numbers (got {values.dtype}): store the real part or no values")
    finite = np.isfinite(values)
    if not finite.all():
        bad = values[~finite]
        raise GraphError(f"{path}: values must be finite (got {bad[0]}, {bad.size:,} in all not finite): remove or correct them")
    if values.dtype.kind != "b" and values.size:
        widest = max((values.min(), values.max()), key=lambda value: abs(float(value)))
        if abs(float(widest)) > float(np.finfo(np.float32).max):
            raise GraphError(f"{path}: values must be at most 3.4e38 in size, as float32 is (got {widest}): scale them")


def check_dense_bytes(path: Path, rows: int, columns: int, listed: int) -> None:
    """Raise where a table of float32 that its file lists sparsely would take far more memory than what is listed there."""
    size, most = 4 * rows * columns, FREE_BYTES + BYTES_AN_ENTRY * listed
    if size > most:
        rule = f"{rows:,} x {columns:,} features of which {listed:,} are listed may take at most {most:,} bytes"
        raise GraphError(f"{path}: {rule} (got {size:,}): correct the largest feature index, or leave empty features out")


def class_numbers(values: NDArray[Any], known: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return for each value its place among the sorted distinct values that are known, -1 where it is not."""
    numbers = np.full(values.size, -1, dtype=np.int64)
    numbers[known] = np.unique(values[known], return_inverse=True)[1]
    return numbers


def _check_counts(parts: Parts, nodes: int, path: Path) -> None:
    counts = {"features": parts.feature_rows, "labels": None if parts.labels is None else parts.labels.size}
    for what, count in counts.items():
        if count is not None and count != nodes:
            raise GraphError(f"{path}: {what} must be given for each of {nodes:,} nodes (got {count:,}): complete or remove them")


def _check_announced(parts: Parts, nodes: int, path: Path) -> None:
    """Raise where the nodes are far more than what stands in the file can be about."""
    labels = 0 if parts.labels is None else parts.labels.size
    most = FREE_NODES + NODES_AN_ENTRY * parts.adjacency.data.size + max(labels, path.stat().st_size)
    if nodes > most:
        rule = f"a graph of {parts.adjacency.data.size:,} listed edges may have at most {most:,} nodes in such a file"
        raise GraphError(f"{path}: {rule} (got {nodes:,}): number the nodes without gaps, or correct the largest number")


def _read(parts: Parts, path: Path) -> tuple[scipy.sparse.csr_matrix, bool, Reading]:
    """Return the adjacency in float32 with its columns sorted, whether it has weights, and what reading has changed."""
    listed = parts.adjacency.data.size
    weighted = parts.mirrored < 0 or not bool((parts.adjacency.data == 1).all())
    matrix = _once(parts.adjacency, weighted)
    once, vanished = matrix.nnz, 0
    # Without weights an edge that has its opposite already is the same edge: what they sum to does not count.
    if sign := parts.mirrored or int(parts.undirected and not weighted):
        matrix = _mirrored(matrix, sign)
    if not weighted:
        matrix.data = np.ones(matrix.nnz, dtype=np.float32)
    else:
        vanished = _round(matrix, path)
        matrix = _both_ways(matrix) if parts.undirected else matrix
    zeros = int(np.count_nonzero(matrix.data == 0))
    return matrix, weighted, Reading(listed, listed - once, matrix.nnz - once, zeros - vanished, vanished)


def _once(given: Any, weighted: bool) -> scipy.sparse.csr_matrix:
    """Return each entry once, the values of repeated ones summed in float64."""
    matrix = copy(given)  # shares its indices: they can be gigabytes
    matrix.data = given.data.astype(np.float64) if weighted else np.ones(given.data.size)
    matrix = matrix.tocsr()
    matrix.sum_duplicates()
    return matrix


def _round(matrix: scipy.sparse.csr_matrix, path: Path) -> int:
    """Round the values to float32; return how many are too small for it and become zero, and raise where all are zero."""
    exact = matrix.data
    check_values(exact, path)  # the sum of what is listed twice may be too large where its parts are not
    matrix.data = exact.astype(np.float32)
    if not matrix.data.any():
        raise GraphError(f"{path}: not every value may be zero in float32 (got {np.abs(exact).max():g} at most): scale the values")
    largest = float(np.abs(matrix.data).max())
    if not 1 / ROOM <= largest <= ROOM:
        rule = f"the largest value must be from {1 / ROOM:g} to {ROOM:g} in size, or float32 does not hold its products"
        raise GraphError(f"{path}: {rule} (got {largest:g}): scale the values")
    return int(np.count_nonzero((matrix.data == 0) & (exact != 0)))


def _mirrored(matrix: scipy.sparse.csr_matrix, sign: int) -> scipy.sparse.csr_matrix:
    """Return the matrix with the opposite of each entry off the diagonal added to it, as Matrix Market means ``symmetric``."""
    rows = _rows(matrix)
    off = rows != matrix.indices
    return _with(matrix, matrix.indices[off], rows[off], sign * matrix.data[off])


def _both_ways(matrix: scipy.sparse.csr_matrix) -> scipy.sparse.csr_matrix:
    """Return the matrix with each edge both ways; as it is where an edge is listed with another weight each way: it is directed."""
    rows = _rows(matrix)
    # Ascending, because rows do and columns within a row.
    here = rows.astype(np.int64) * matrix.shape[1] + matrix.indices
    back = matrix.indices.astype(np.int64) * matrix.shape[1] + rows
    place = np.minimum(np.searchsorted(here, back), here.size - 1)
    listed = here[place] == back
    if (matrix.data[place[listed]] != matrix.data[listed]).any():
        return matrix
    return _with(matrix, matrix.indices[~listed], rows[~listed], matrix.data[~listed])


def _with(matrix: scipy.sparse.csr_matrix, rows: Any, columns: Any, values: Any) -> scipy.sparse.csr_matrix:
    """Return the matrix with entries added, those in one place summed. SciPy's own ``+`` would drop what is zero."""
    import scipy.sparse

    places = np.concatenate([_rows(matrix), rows]), np.concatenate([matrix.indices, columns])
    both = scipy.sparse.coo_matrix((np.concatenate([matrix.data, values]), places), shape=matrix.shape).tocsr()
    both.sum_duplicates()
    return both


def _rows(matrix: scipy.sparse.csr_matrix) -> NDArray[Any]:
    """Return (nnz,) the row of each entry."""
    return np.repeat(np.arange(matrix.shape[0], dtype=matrix.indices.dtype), np.diff(matrix.indptr))


def _symmetric(matrix: scipy.sparse.csr_matrix) -> bool:
    """Return whether each entry has its opposite, of the same value; an entry of value zero counts."""
    other = matrix.T.tocsr()
    pairs = ((matrix.indptr, other.indptr), (matrix.indices, other.indices), (matrix.data, other.data))
    return all(np.array_equal(mine, its) for mine, its in pairs)


def _tensor(array: NDArray[Any]) -> torch.Tensor:
    import torch

    return torch.from_numpy(array)
