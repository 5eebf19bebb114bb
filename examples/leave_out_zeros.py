"""Time what is gained by leaving out rows that have no gradient, over the share of the nodes that train.

    python leave_out_zeros.py                                                 # a small synthetic graph, shaped like Reddit2
    python leave_out_zeros.py twin:ogbn-products@0.01 --model GraphSAGE --layers 3 --hidden 256 --turns 9

Three copies of one model train in turns: with nothing left out, with `accelerate(model)`, which leaves out what has no gradient
in the backward products, and with `accelerate(model, loss_nodes=...)`, which multiplies only the rows that the loss needs in the
last forward product, too. All gradients are compared. Needs `pip install "rsc-bench[train]"`.
"""

import argparse
import time
from copy import deepcopy
from statistics import median

import torch
from torch.nn import functional
from torch_geometric.nn import GCN, GraphSAGE

from rsc_bench import accelerate
from rsc_bench.suites import graphs

WARMUP = 5  # steps that are not compared: the first ones convert, and find out which rows stay zero
NEXT_TO_NOTHING = 1e-30  # of the outputs in a loss: every row has a gradient then, and none that changes a parameter


class Way:
    """One way to train: a model, whether every row gets a gradient, the seconds of its steps and of its last layer's products."""

    def __init__(self, model: torch.nn.Module, everywhere: bool = False, **options: torch.Tensor) -> None:
        self.model, self.everywhere = model, everywhere
        self.converted = accelerate(model, **options)
        self.steps, self.forward, self.backward = [], [], []

    def step(self, graph: graphs.Graph, train: torch.Tensor) -> list[torch.Tensor]:
        """Make one step without an optimiser, and return its gradients."""
        forward, backward, start = *self.last_layer(), time.perf_counter()
        self.model.zero_grad()
        out = self.model(graph.features, graph.edge_index)
        loss = functional.cross_entropy(out[train], graph.labels[train])
        (loss + NEXT_TO_NOTHING * out.sum() if self.everywhere else loss).backward()
        self.steps.append(time.perf_counter() - start)
        for each, now, before in zip((self.forward, self.backward), self.last_layer(), (forward, backward), strict=True):
            each.append(now - before)
        return [parameter.grad.clone() for parameter in self.model.parameters()]

    def last_layer(self) -> tuple[float, float]:
        """Return the seconds that the last layer's forward and backward products took so far."""
        report = list(self.converted.layers.values())[-1]
        return report.forward_s or 0.0, report.backward_s or 0.0


def times_as_fast(way: Way, plain: Way, part: str) -> str:
    """Return the median over the turns of how many times as fast a part is in one way as in the plain one."""
    pairs = zip(getattr(plain, part)[WARMUP:], getattr(way, part)[WARMUP:], strict=True)
    return f"{median(slow / fast for slow, fast in pairs):.2f}x"


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("graph", nargs="?", default="twin:reddit2@0.01", help="name of a graph, or a graph file with labels")
    parser.add_argument("--model", choices=("GCN", "GraphSAGE"), default="GCN")
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--hidden", type=int, default=64)
    parser.add_argument("--turns", type=int, default=9, help="steps of each way that are compared")
    given = parser.parse_args()
    graph = graphs.load(given.graph)
    build = {"GCN": GCN, "GraphSAGE": GraphSAGE}[given.model]
    model = build(graph.features.shape[1], given.hidden, given.layers, graph.classes)
    print(f"{graph.name}: {graph.nodes:,} nodes, {graph.edges:,} edges, {given.model} {given.layers} x {given.hidden}")
    for share in (0.08, 0.3, 0.6):
        train = torch.rand(graph.nodes, generator=torch.Generator().manual_seed(0)) < share
        plain, zeros, rows = Way(deepcopy(model), True), Way(deepcopy(model)), Way(deepcopy(model), loss_nodes=train)
        for _ in range(WARMUP + given.turns):
            wanted, *others = (way.step(graph, train) for way in (plain, zeros, rows))
        apart = max(float((a - b).norm() / b.norm()) for found in others for a, b in zip(found, wanted, strict=True))
        print(f"{share:.0%} of the nodes train; gradients agree to {apart:.0e}")
        for name, way in (("zero rows left out", zeros), ("loss_nodes as well", rows)):
            faster = (f"{part} {times_as_fast(way, plain, part)}" for part in ("forward", "backward", "steps"))
            print(f"  {name}: {', '.join(faster)}")
