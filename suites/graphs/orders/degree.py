"""Nodes by degree: hubs first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rsc_bench.suites.graphs.orders import Order

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rsc_bench.suites.graphs.graph import Graph


def compute(graph: Graph) -> NDArray[np.integer]:
    """Return the nodes from the most to the fewest gathers of their features; equals keep their order.

    A node's features are read once for each non-zero of its column, so that is what the degree counts in a directed graph.
    """
    return np.argsort(-graph.adjacency.column_nnz.cpu().numpy(), kind="stable")


ORDER = Order(
    name="degree",
    summary="Hubs first: the features that most rows gather lie side by side and stay in cache.",
    compute=compute,
)
