"""Makes the normalised matrix of a backward product with its transpose, or takes both from the cache on disk."""

from __future__ import annotations

import torch

from rsc_bench.kernels import Csr, Reduce
from rsc_bench.kernels.csr import Scaling
from rsc_bench.suites.graphs import Graph
from rsc_bench.suites.graphs.kept import tensors
from rsc_bench.suites.graphs.kept.folder import Folder
from rsc_bench.suites.graphs.kept.tensors import Recipe, Tensors

_COUNTED = ("row_nnz", "row_norms", "column_nnz", "column_norms")
_SIDES = ("matrix", "transpose")


def backward(disk: Folder | None, graph: Graph, reduce: Reduce) -> Csr:
    """Return ``A^T`` in main memory, A as `reduce` normalises the adjacency.

    Args:
        disk: the cache of what is made of graphs; None: there is none.
        graph: the graph.
        reduce: ``sum``: a GCN's, without its diagonal; ``mean``: row-stochastic.
    """

    def make() -> Tensors:
        return _taken_apart((graph.adjacency.gcn() if reduce == "sum" else graph.adjacency.mean()).transpose())

    return _put_together(tensors.kept(disk, graph, Recipe(f"backward {reduce}", make, backward)), graph)


def complete(matrix: Csr) -> None:
    """Make all that a matrix and its transpose keep once they are used: the first kernel would pay for it, the others find it."""
    for each in (matrix, matrix.transpose()):
        _ = [getattr(each, name) for name in _COUNTED]


def _taken_apart(matrix: Csr) -> Tensors:
    complete(matrix)
    scaling = matrix.scaling or Scaling()
    parts: dict[str, torch.Tensor | None] = {"rows": scaling.rows, "columns": scaling.columns}
    for side, each in zip(_SIDES, (matrix, matrix.transpose()), strict=True):
        parts |= {f"{side}_{name}": getattr(each, name) for name in ("rowptr", "col", "entries", *_COUNTED)}
    return parts


def _put_together(parts: Tensors, graph: Graph) -> Csr:
    scaled = parts["rows"] is not None or parts["columns"] is not None
    scaling = Scaling(parts["rows"], parts["columns"]) if scaled else None
    name = graph.adjacency.name
    matrix = _side("matrix", parts, f"{name}ᵀ" if name else "", scaling)
    transpose = _side("transpose", parts, name, scaling.transpose() if scaling else None)
    matrix.known_transpose(transpose)
    return matrix


def _side(side: str, parts: Tensors, name: str, scaling: Scaling | None) -> Csr:
    rowptr, col = parts[f"{side}_rowptr"], parts[f"{side}_col"]
    assert rowptr is not None
    assert col is not None
    nodes = rowptr.numel() - 1
    matrix = Csr(rowptr, col, parts[f"{side}_entries"], (nodes, nodes), name, scaling)
    vars(matrix).update({each: parts[f"{side}_{each}"] for each in _COUNTED})
    return matrix
