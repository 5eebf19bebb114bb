"""Train one PyTorch Geometric model in four ways, a step of each in turn, and print how much faster a step is than another's.

    python compare_speeds.py                                            # a small synthetic graph, shaped like Reddit2
    python compare_speeds.py twin:reddit2@0.05 --layers 3 --hidden 256  # a larger one and a larger model
    python compare_speeds.py my_graph.npz --keep-memory                 # your graph, and a process that keeps freed memory

The ways: with an `edge_index` and with a torch CSR tensor as PyTorch Geometric runs them, `accelerate(model)`, and
`approximate(model, budget)` in its sampled steps. All begin with the same weights, and the steps take turns, so that whatever else
the machine does hits all of them alike. Needs `pip install "rsc-bench[train]"`.
"""

import argparse
import time
from dataclasses import dataclass, field
from statistics import median

import torch
from torch.nn import functional
from torch_geometric.nn import GCN
from torch_geometric.utils import to_torch_csr_tensor

from rsc_bench import accelerate, approximate, keep_memory
from rsc_bench.suites import graphs


@dataclass
class Way:
    """One way to train, with its own model, and what its steps took and gave."""

    name: str
    model: torch.nn.Module
    adjacency: torch.Tensor
    seconds: list[float] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=0.01)

    def step(self, graph: graphs.Graph) -> None:
        """Train one step, on the whole graph."""
        train, start = graph.masks.train, time.perf_counter()
        self.optimizer.zero_grad()
        loss = functional.cross_entropy(self.model(graph.features, self.adjacency)[train], graph.labels[train])
        loss.backward()
        self.optimizer.step()
        self.seconds.append(time.perf_counter() - start)
        self.losses.append(float(loss.detach()))


def ways(graph: graphs.Graph, layers: int, hidden: int, budget: float, steps: int) -> dict[str, Way]:
    """Return the ways by name."""

    def model() -> torch.nn.Module:
        torch.manual_seed(0)
        return GCN(graph.features.shape[1], hidden, layers, graph.classes)

    edges = graph.edge_index
    csr = to_torch_csr_tensor(edges, size=(graph.nodes, graph.nodes))
    found = [Way("edge_index", model(), edges), Way("csr", model(), csr)]
    found += [Way("accelerate", model(), edges), Way("approximate", model(), edges)]
    accelerate(found[2].model)
    approximate(found[3].model, budget, schedule=lambda step: 1 <= step < steps)  # the first step converts, as accelerate's does
    return {way.name: way for way in found}


def faster(slow: Way, fast: Way) -> str:
    """Return the ratio of two ways' steps, the first left out: the median over the turns, and the middle half of them."""
    ratios = sorted(a / b for a, b in zip(slow.seconds[1:], fast.seconds[1:], strict=True))
    quarter = len(ratios) // 4
    return f"{median(ratios):6.2f}x  ({ratios[quarter]:.2f} to {ratios[-1 - quarter]:.2f})"


def furthest(one: Way, other: Way) -> float:
    """Return how far their losses are apart at most, relative to the loss."""
    return max(abs(a - b) / abs(a) for a, b in zip(one.losses, other.losses, strict=True))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Time a GCN's training steps in four ways, in turns.")
    parser.add_argument("graph", nargs="?", default="twin:reddit2@0.01", help="name of a graph, or a graph file with labels")
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--hidden", type=int, default=64)
    parser.add_argument("--steps", type=int, default=10, help="of each way, at least 2: the first is not in the ratios")
    parser.add_argument("--budget", type=float, default=0.1, help="share of the exact backward FLOPs that may be spent")
    parser.add_argument("--keep-memory", action="store_true", help="let the process keep freed memory, for all ways")
    given = parser.parse_args()
    if given.keep_memory:
        keep_memory()
    graph = graphs.load(given.graph)
    if graph.features is None or graph.labels is None or graph.labels.dim() != 1:
        parser.error(f"graph {graph.name!r} must have features and one label a node: give another graph")
    by_name = ways(graph, given.layers, given.hidden, given.budget, given.steps)
    for _ in range(given.steps):
        for way in by_name.values():
            way.step(graph)
    pyg, csr, exact, sampled = by_name.values()
    print(f"{graph.name}: {graph.nodes:,} nodes, {graph.edges:,} edges, GCN {given.layers} x {given.hidden}, {given.steps} steps")
    for way in by_name.values():
        print(f"{way.name:12} {median(way.seconds[1:]) * 1e3:10.2f} ms a step, the first {way.seconds[0] * 1e3:10.2f} ms")
    print(f"accelerate against edge_index    {faster(pyg, exact)}")
    print(f"accelerate against CSR           {faster(csr, exact)}")
    print(f"approximate against accelerate   {faster(exact, sampled)}")
    print(f"the first step of accelerate takes {exact.seconds[0] / median(pyg.seconds[1:]):.2f} steps of edge_index")
    print(f"the losses of accelerate are within {furthest(pyg, exact):.1e} of edge_index")
