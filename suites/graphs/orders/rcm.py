"""Nodes by reverse Cuthill-McKee: neighbours near each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rsc_bench.suites.graphs.orders import Order

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from rsc_bench.suites.graphs.graph import Graph


def compute(graph: Graph) -> NDArray[np.integer]:
    """Return the nodes in SciPy's reverse Cuthill-McKee order (Cuthill and McKee, ACM 1969); directed edges count both ways."""
    from scipy.sparse.csgraph import reverse_cuthill_mckee

    order: NDArray[np.integer] = reverse_cuthill_mckee(graph.adjacency.to_scipy(), symmetric_mode=not graph.directed)
    return order


ORDER = Order(
    name="rcm",
    summary="Reverse Cuthill-McKee: a narrow band, so that rows that follow each other gather from the same stretch of features.",
    compute=compute,
)
