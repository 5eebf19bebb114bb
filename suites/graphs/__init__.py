"""Named graphs, real and synthetic, and graph files, as one type: an adjacency with features and labels beside it."""

from rsc_bench.suites.graphs.files import file_of
from rsc_bench.suites.graphs.graph import Facts, Graph, GraphError, GraphTooLargeError, Masks
from rsc_bench.suites.graphs.loading import GraphStore, at_hand, check, is_file, load, names, nodes
from rsc_bench.suites.graphs.reordering import check as check_order

__all__ = [
    "Facts",
    "Graph",
    "GraphError",
    "GraphStore",
    "GraphTooLargeError",
    "Masks",
    "at_hand",
    "check",
    "check_order",
    "file_of",
    "is_file",
    "load",
    "names",
    "nodes",
]
