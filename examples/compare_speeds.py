"""Train one PyTorch Geometric model in four ways, a step of each in turn, and print how much faster a step is than another's.

    python compare_speeds.py                                            # a small synthetic graph, shaped like Reddit2
    python compare_speeds.py twin:reddit2@0.05 --layers 3 --hidden 256  # a larger one and a larger model
    python compare_speeds.py my_graph.npz --keep-memory                 # your graph, in a process that keeps freed memory

The steps take turns, so that whatever else the machine does hits all ways alike. Needs `pip install "rsc-bench[train]"`.
"""

import argparse
import time
import warnings
from copy import deepcopy
from statistics import median, quantiles

import torch
from torch.nn import functional
from torch_geometric.nn import GCN

from rsc_bench import accelerate, approximate, keep_memory
from rsc_bench.suites import graphs

WARMUP = 5  # steps that are not compared: the first converts the adjacency, and `approximate` begins with exact ones


class Way:
    """One way to train: a model, what it is called with, and what its steps took and gave."""

    def __init__(self, model: torch.nn.Module, adjacency: torch.Tensor) -> None:
        self.model, self.adjacency = model, adjacency
        self.optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
        self.seconds, self.losses = [], []

    def step(self, graph: graphs.Graph) -> None:
        """Train one step, on the whole graph."""
        train, start = graph.masks.train, time.perf_counter()
        self.optimizer.zero_grad()
        loss = functional.cross_entropy(self.model(graph.features, self.adjacency)[train], graph.labels[train])
        loss.backward()
        self.optimizer.step()
        self.seconds.append(time.perf_counter() - start)
        self.losses.append(float(loss.detach()))

    def slower_than(self, other: "Way") -> str:
        """Return how many times as long a step takes: the median over the turns, and the middle half of them."""
        ratios = [mine / its for mine, its in zip(self.seconds[WARMUP:], other.seconds[WARMUP:], strict=True)]
        return f"{median(ratios):6.2f}x  (half of the turns: {quantiles(ratios)[0]:.2f} to {quantiles(ratios)[2]:.2f})"


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("graph", nargs="?", default="twin:reddit2@0.01", help="name of a graph, or a graph file with labels")
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--hidden", type=int, default=64)
    parser.add_argument("--steps", type=int, default=10, help="steps of each way that are compared")
    parser.add_argument("--budget", type=float, default=0.1, help="share of the exact backward FLOPs that may be spent")
    parser.add_argument("--keep-memory", action="store_true")
    given = parser.parse_args()
    graph = graphs.load(given.graph)
    if graph.features is None or graph.labels is None or graph.labels.dim() != 1 or given.steps < 2:
        parser.error(f"graph {graph.name!r} must have features and one label a node, and --steps must be at least 2")
    if given.keep_memory:
        keep_memory()
    model = GCN(graph.features.shape[1], given.hidden, given.layers, graph.classes)
    parts = graph.adjacency.rowptr.long(), graph.adjacency.col.long(), torch.ones(graph.edges)
    warnings.filterwarnings("ignore", "Sparse")  # that torch's CSR tensors are new
    csr = torch.sparse_csr_tensor(*parts, (graph.nodes, graph.nodes), check_invariants=False)
    pyg, with_csr, exact, sampled = (Way(deepcopy(model), each) for each in (graph.edge_index, csr, *[graph.edge_index] * 2))
    accelerate(exact.model)
    approximate(sampled.model, given.budget, warmup_steps=WARMUP, schedule=lambda step: step >= WARMUP)
    for _ in range(WARMUP + given.steps):
        for way in (pyg, with_csr, exact, sampled):
            way.step(graph)
    print(f"{graph.name}: {graph.nodes:,} nodes, {graph.edges:,} edges, GCN {given.layers} x {given.hidden}, {given.steps} turns")
    print(f"PyTorch Geometric with an edge_index against accelerate  {pyg.slower_than(exact)}")
    print(f"PyTorch Geometric with a CSR tensor against accelerate   {with_csr.slower_than(exact)}")
    print(f"accelerate against approximate in its sampled steps      {exact.slower_than(sampled)}")
    print(f"the first step of accelerate takes as long as {exact.seconds[0] / median(pyg.seconds):.2f} of an edge_index")
    furthest = max(abs(1 - b / a) for a, b in zip(pyg.losses, exact.losses, strict=True))
    print(f"the losses of accelerate are within {furthest:.1e} of those of an edge_index")
