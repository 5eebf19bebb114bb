"""Train a PyTorch Geometric model exactly and with approximated backward products, and compare what comes out.

    python train_faster.py                                  # a small synthetic graph, shaped like Reddit2: seconds
    python train_faster.py twin:reddit2@0.1 --epochs 100    # ten times as large
    python train_faster.py my_graph.npz --budget 0.3        # a graph of yours, with features and labels

One line makes the difference: `approximate(model, ...)`. The model, its parameters and the loop stay as they are. Much of
the time is won by a kernel that does not transpose the adjacency in every step, so a third training has this kernel and no
sampling: compare with that one to see what sampling itself is worth. Needs `pip install "rsc-bench[train]"`.
"""

import argparse
import time
import warnings

import torch
from torch.nn import functional
from torch_geometric.nn import GCNConv

from rsc_bench import approximate
from rsc_bench.suites import graphs

warnings.filterwarnings("ignore", "Sparse (CSR tensor support|invariant checks)")


class GCN(torch.nn.Module):
    """Two graph convolutions."""

    def __init__(self, features: int, hidden: int, classes: int) -> None:
        super().__init__()
        self.first = GCNConv(features, hidden, cached=True)
        self.second = GCNConv(hidden, classes, cached=True)

    def forward(self, x: torch.Tensor, adjacency: torch.Tensor) -> torch.Tensor:
        """Return (nodes, classes) logits; `adjacency` is a torch CSR tensor, one row for each target node."""
        hidden = functional.dropout(self.first(x, adjacency).relu(), 0.5, self.training)
        return self.second(hidden, adjacency)


def train(graph: graphs.Graph, epochs: int, **options: float) -> str:
    """Train one model and say how it went; `options` are those of `approximate`, and without any it is not called."""
    torch.manual_seed(0)
    matrix, x, y, masks = graph.adjacency, graph.features, graph.labels, graph.masks
    adjacency = torch.sparse_csr_tensor(matrix.rowptr, matrix.col, torch.ones(matrix.nnz), matrix.shape)
    model = GCN(x.shape[1], 64, graph.classes)
    rsc = approximate(model, epochs=epochs, **options) if options else None
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    shares, start = [], time.perf_counter()
    for _ in range(epochs):
        model.train()
        optimizer.zero_grad()
        functional.cross_entropy(model(x, adjacency)[masks.train], y[masks.train]).backward()
        optimizer.step()
        shares.append(rsc.last_share if rsc and rsc.phase.sampled else 1.0)
    seconds = time.perf_counter() - start
    accuracy = (model.eval()(x, adjacency).argmax(1) == y)[masks.test].float().mean()
    sampled, spent = sum(share < 1 for share in shares), sum(shares) / epochs
    return f"test accuracy {accuracy:.1%}, {seconds:.2f} s, {sampled} epochs sampled, {spent:.0%} of the exact backward FLOPs"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Train a GCN exactly and approximated.")
    parser.add_argument("graph", nargs="?", default="twin:reddit2@0.01", help="name of a graph, or a graph file with labels")
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--budget", type=float, default=0.1, help="share of the exact backward FLOPs that may be spent")
    given = parser.parse_args()
    graph = graphs.load(given.graph)
    if graph.features is None or graph.labels is None or graph.labels.dim() != 1:
        parser.error(f"graph {graph.name!r} must have features and one label a node: give another graph")
    print(f"{graph.name}: {graph.nodes:,} nodes, {graph.edges:,} edges, {given.epochs} epochs")
    print(f"PyTorch Geometric  {train(graph, given.epochs)}")
    print(f"exact, our kernel  {train(graph, given.epochs, switch_at=0)}")
    print(f"budget {given.budget:<11g} {train(graph, given.epochs, budget=given.budget)}")
