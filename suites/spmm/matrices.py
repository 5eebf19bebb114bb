"""Makes the sparse operand of a product with its transpose, or takes both from the cache on disk."""

from __future__ import annotations

from dataclasses import replace

import torch

from rsc_bench.kernels import Csr, Reduce
from rsc_bench.kernels.contract import EXTREMA
from rsc_bench.kernels.csr import Scaling
from rsc_bench.suites.graphs import Graph
from rsc_bench.suites.graphs.kept import tensors
from rsc_bench.suites.graphs.kept.folder import Folder
from rsc_bench.suites.graphs.kept.tensors import Recipe, Tensors

_COUNTED = ("row_nnz", "row_norms", "column_nnz", "column_norms")
_SIDES = ("matrix", "transpose")


def sparse_operand(disk: Folder | None, graph: Graph, reduce: Reduce) -> Csr:
    """Return ``A^T`` in main memory, A as `reduce` normalises the adjacency; for an extremum A, with nothing but ones.

    Args:
        disk: the cache of what is made of graphs; None: there is none.
        graph: the graph.
        reduce: ``sum``: a GCN's, without its diagonal; ``mean``: row-stochastic; ``max`` and ``min``: as it is.
    """

    def make() -> Tensors:
        adjacency = graph.adjacency
        if reduce in EXTREMA:
            return _taken_apart(replace(adjacency, entries=None, scaling=None, _transposed=[]))
        return _taken_apart((adjacency.gcn() if reduce == "sum" else adjacency.mean()).transpose())

    name = graph.adjacency.name
    names = (f"{name}ᵀ" if name else "", name)
    kind = "neighbours" if reduce in EXTREMA else f"backward {reduce}"
    parts = tensors.kept(disk, graph, Recipe(kind, make, sparse_operand))
    return _put_together(parts, names[::-1] if reduce in EXTREMA else names)


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


def _put_together(parts: Tensors, names: tuple[str, str]) -> Csr:
    scaled = parts["rows"] is not None or parts["columns"] is not None
    scaling = Scaling(parts["rows"], parts["columns"]) if scaled else None
    matrix = _side("matrix", parts, names[0], scaling)
    transpose = _side("transpose", parts, names[1], scaling.transpose() if scaling else None)
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
