"""PyTorch Geometric models that the tests of the method share, each small enough to train in a moment."""

from __future__ import annotations

import torch
from made_graphs import random_graph
from torch_geometric.nn import GCN, GCN2Conv, GraphSAGE

NODES = 40


class Gcnii(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.first = torch.nn.Linear(6, 16)
        self.convs = torch.nn.ModuleList(GCN2Conv(16, 0.1, 0.5, layer, shared_weights=layer > 1) for layer in (1, 2, 3))
        self.last = torch.nn.Linear(16, 4)

    def forward(self, x, adjacency):
        hidden = start = self.first(x).relu()
        for conv in self.convs:
            hidden = conv(hidden, start, adjacency).relu()
        return self.last(hidden)


MODELS = {
    "gcn": lambda: GCN(6, 16, 3, 4, norm="batch_norm"),
    "gcn improved": lambda: GCN(6, 16, 2, 4, improved=True),
    "gcn cached": lambda: GCN(6, 16, 2, 4, cached=True),
    "gcn plain": lambda: GCN(6, 16, 2, 4, normalize=False),
    "sage mean": lambda: GraphSAGE(6, 16, 3, 4),
    "sage sum": lambda: GraphSAGE(6, 16, 3, 4, aggr="sum"),
    "gcn2": Gcnii,
}


def adjacency(seed=0):
    return random_graph(NODES, seed).to_sparse_csr()


def features():
    return torch.randn(NODES, 6, generator=torch.Generator().manual_seed(3))


def seeded(make):
    torch.manual_seed(0)
    return make()


def gradients(model, adj):
    model.zero_grad()
    model(features(), adj).square().sum().backward()
    return [parameter.grad.clone() for parameter in model.parameters()]


def train(model, steps=6, adj=None, optimiser=None):
    optimiser = optimiser or torch.optim.Adam(model.parameters(), lr=0.01)
    adj = adjacency() if adj is None else adj
    losses = []
    for _ in range(steps):
        optimiser.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(features(), adj), torch.arange(NODES) % 4)
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return losses


def edges(seed=0, count=300):
    """An edge_index over `NODES` nodes, (2, count), int64."""
    return torch.randint(NODES, (2, count), generator=torch.Generator().manual_seed(seed))


def gcn():
    """A GCN of two layers without normalisation, the same in each call."""
    return seeded(lambda: GCN(6, 16, 2, 4))
