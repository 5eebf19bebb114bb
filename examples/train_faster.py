"""Train a PyTorch Geometric model as it is, then with one line more, exactly, and with one other, approximately.

    python train_faster.py                                  # a small synthetic graph, shaped like Reddit2
    python train_faster.py twin:reddit2@0.05 --epochs 100   # five times as large
    python train_faster.py my_graph.npz --budget 0.3        # a graph of yours, with features and labels

`accelerate(model)` multiplies exactly with this project's kernels; `approximate(model, ...)` samples gradients besides. What
sampling itself is worth is the difference of these two. Needs `pip install "rsc-bench[train]"`.
"""

import argparse
import time
from collections.abc import Callable

import torch
from torch.nn import functional
from torch_geometric.nn import GCN

from rsc_bench import accelerate, approximate
from rsc_bench.suites import graphs


def train(graph: graphs.Graph, epochs: int, convert: Callable | None = None) -> str:
    """Train one model and say how it went; `convert` is what the one line calls."""
    torch.manual_seed(0)
    x, y, masks, edge_index = graph.features, graph.labels, graph.masks, graph.edge_index
    model = GCN(x.shape[1], 64, num_layers=2, out_channels=graph.classes, dropout=0.5)
    converted = convert(model) if convert else None  # the one line
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    start = time.perf_counter()
    for _ in range(epochs):
        model.train()
        optimizer.zero_grad()
        functional.cross_entropy(model(x, edge_index)[masks.train], y[masks.train]).backward()
        optimizer.step()
    seconds = time.perf_counter() - start
    accuracy = (model.eval()(x, edge_index).argmax(1) == y)[masks.test].float().mean()
    return f"{seconds:.2f} s, test accuracy {accuracy:.1%}" + (f"\n{converted}" if converted else "")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Train a GCN as it is, accelerated and approximated.")
    parser.add_argument("graph", nargs="?", default="twin:reddit2@0.01", help="name of a graph, or a graph file with labels")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--budget", type=float, default=0.1, help="share of the exact backward FLOPs that may be spent")
    given = parser.parse_args()
    graph = graphs.load(given.graph)
    if graph.features is None or graph.labels is None or graph.labels.dim() != 1:
        parser.error(f"graph {graph.name!r} must have features and one label a node: give another graph")
    print(f"{graph.name}: {graph.nodes:,} nodes, {graph.edges:,} edges, {given.epochs} epochs")
    print(f"\nPyTorch Geometric: {train(graph, given.epochs)}")
    print(f"\naccelerate: {train(graph, given.epochs, accelerate)}")
    sampled = train(graph, given.epochs, lambda model: approximate(model, given.budget, epochs=given.epochs))
    print(f"\napproximate, budget {given.budget:g}: {sampled}")
