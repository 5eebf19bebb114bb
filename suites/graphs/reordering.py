"""Turns a graph and the name of an order into the same graph with its nodes numbered anew."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rsc_bench import plugins
from rsc_bench.kernels import Csr
from rsc_bench.suites.graphs.graph import Graph, GraphError, Masks
from rsc_bench.text import nearest, nearest_is

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch

    from rsc_bench.suites.graphs.orders import Order


def check(name: str) -> None:
    """Raise `GraphError` where an order is not known or is not available on this machine."""
    _find(name)


def code_of(name: str) -> Callable[..., Any]:
    """Return the function of the order of that name: another version of it may find another order."""
    function: Callable[..., Any] = _find(name).compute
    return function


def order_of(graph: Graph, name: str) -> torch.Tensor:
    """Return (nodes,), int64: the nodes of `graph` in the order of that name."""
    import numpy as np
    import torch

    order = _find(name)
    nodes = order.answer("compute", np.ndarray, order.compute(graph))
    if not np.array_equal(np.sort(nodes), np.arange(graph.nodes)):
        raise GraphError(f"order {name!r}: compute must return each of the {graph.nodes} nodes once (got others, or not as many)")
    return torch.from_numpy(nodes.astype("int64"))


def reordered(graph: Graph, order: torch.Tensor) -> Graph:
    """Return `graph` with node ``order[i]`` as its node i: the same edges, features, labels and split under other numbers.

    The split is that of the graph before, also where it is drawn at random: a model sees the same nodes in training.
    """

    def rows(values: torch.Tensor | None) -> torch.Tensor | None:
        return None if values is None else values[order]

    return Graph(
        name=graph.name,
        adjacency=_permuted(graph.adjacency, order),
        directed=graph.directed,
        classes=graph.classes,
        metric_name=graph.metric_name,
        make_features=lambda: rows(graph.features),
        make_labels=lambda: rows(graph.labels),
        make_masks=lambda: Masks(*(mask[order] for mask in (graph.masks.train, graph.masks.val, graph.masks.test))),
        order=order,
        feature_count=graph.feature_count,
        reading=graph.reading,
    )


def _permuted(matrix: Csr, order: torch.Tensor) -> Csr:
    """Return ``P @ matrix @ P^T``; repeated entries stay repeated, columns ascend within a row as before."""
    import scipy.sparse
    import torch

    rows = matrix.to_scipy()[order.numpy()]
    place = torch.empty_like(order, dtype=torch.int32)
    place[order] = torch.arange(len(order), dtype=torch.int32)
    # A new matrix, so that SciPy does not take the columns for sorted because they were.
    renamed = scipy.sparse.csr_matrix((rows.data, place.numpy()[rows.indices], rows.indptr), shape=matrix.shape)
    renamed.sort_indices()
    value = None if (given := matrix.value) is None else torch.from_numpy(renamed.data).to(given.dtype)
    rowptr, col = torch.from_numpy(renamed.indptr), torch.from_numpy(renamed.indices)
    return Csr(rowptr.to(matrix.rowptr.dtype), col.int(), value, matrix.shape, matrix.name)


def _orders() -> plugins.Plugins:
    return plugins.load("order")


def _find(name: str) -> Order:
    orders = _orders()
    if name not in orders:
        raise GraphError(f"order {name!r} is not known: {nearest_is(nearest(name, orders, cutoff=0.5))}")
    order: Order = orders[name]
    reason = order.why_not()
    if reason is not None:
        raise GraphError(f"order {name!r} is not available: {reason}")
    return order
