"""A ring of twenty nodes: a source of graphs to be added."""

import torch

from rsc_bench import Csr
from rsc_bench.suites.graphs.graph import Graph
from rsc_bench.suites.graphs.source import Source


def load(name, data_root=None):
    around = torch.arange(20)
    edges = torch.stack([torch.cat([around, (around + 1) % 20]), torch.cat([(around + 1) % 20, around])])
    return Graph(name, Csr.from_edge_index(edges), directed=False, classes=0, metric_name="accuracy")


SOURCE = Source("mine", "A ring of twenty nodes.", ["mine:ring"], load)
