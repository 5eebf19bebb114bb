"""Nodes by community: those that link to each other side by side."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np

from rsc_bench.plugins import absent
from rsc_bench.suites.graphs.orders import Order

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rsc_bench.suites.graphs.graph import Graph


def compute(graph: Graph) -> NDArray[np.integer]:
    """Return the nodes community after community, the largest first, and hubs first within each.

    Communities are those of Louvain's modularity clustering (Blondel et al., J. Stat. Mech. 2008) in scikit-network, without
    shuffling, so that a graph has one such order. Only the structure counts, not the values.
    """
    from sknetwork.clustering import Louvain

    structure = graph.adjacency.to_scipy()
    structure.data[:] = 1
    community = Louvain(shuffle_nodes=False, sort_clusters=True).fit_predict(structure)
    return np.lexsort((-graph.adjacency.column_nnz.cpu().numpy(), community))


def missing() -> str | None:
    """Return how to get scikit-network, or None where it is installed."""
    return None if find_spec("sknetwork") else absent("sknetwork")


ORDER = Order(
    name="community",
    summary="Louvain communities one after the other: rows that follow each other share most of what they gather.",
    compute=compute,
    missing=missing,
)
