"""Time what is gained by making a product once whose features stay the same: the first layer of a GraphSAGE in full-batch training.

    python keep_products.py                                        # a small synthetic graph, shaped like Reddit2
    python keep_products.py twin:reddit2@0.05 --layers 3 --hidden 256

Two copies of one model make training steps and evaluations in turns: with `accelerate(model, keep_products=False)`, and with
`accelerate(model)`. All gradients are compared, bit by bit. Needs `pip install "rsc-bench[train]"`.
"""

import argparse
import time
from copy import deepcopy
from statistics import median

import torch
from torch_geometric.nn import GraphSAGE

from rsc_bench import accelerate
from rsc_bench.suites import graphs

WARMUP = 3  # turns that are not compared: the first ones convert, and make the product that is kept


def trained(model: torch.nn.Module, graph: graphs.Graph) -> float:
    """Make one training step without an optimiser, and return its seconds."""
    start = time.perf_counter()
    model.train()
    model.zero_grad()
    model(graph.features, graph.edge_index).square().mean().backward()  # any loss takes as long
    return time.perf_counter() - start


def evaluated(model: torch.nn.Module, graph: graphs.Graph) -> float:
    """Evaluate once, and return the seconds."""
    start = time.perf_counter()
    model.eval()
    with torch.no_grad():
        model(graph.features, graph.edge_index)
    return time.perf_counter() - start


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("graph", nargs="?", default="twin:reddit2@0.01", help="name of a graph, or a graph file with features")
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--hidden", type=int, default=64)
    parser.add_argument("--turns", type=int, default=9, help="steps of each that are compared")
    given = parser.parse_args()
    graph = graphs.load(given.graph)
    model = GraphSAGE(graph.features.shape[1], given.hidden, given.layers, graph.classes)
    print(f"{graph.name}: {graph.nodes:,} nodes, {graph.edges:,} edges, {graph.features.shape[1]} features, GraphSAGE")
    each_time, once = deepcopy(model), deepcopy(model)
    accelerate(each_time, keep_products=False)
    report = accelerate(once)
    seconds = []
    for _ in range(WARMUP + given.turns):
        turn = []
        for part in (trained, evaluated):
            turn += [part(each_time, graph), part(once, graph)]
        seconds.append(turn)
        same = all(torch.equal(a.grad, b.grad) for a, b in zip(each_time.parameters(), once.parameters(), strict=True))
        assert same, "a kept product is the same product"
    for part, place in (("training step", 0), ("evaluation", 2)):
        ratio = median(turn[place] / turn[place + 1] for turn in seconds[WARMUP:])
        print(f"  {part}: {ratio:.2f}x as fast where the product is kept")
    print(report)
