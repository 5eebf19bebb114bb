"""Turns the nodes round: an order to be added."""

import numpy as np

from rsc_bench.suites.graphs.orders import Order

ORDER = Order("mine", "The last node first.", lambda graph: np.arange(graph.nodes)[::-1].copy())
