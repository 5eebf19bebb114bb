"""Train with mini-batches of sampled neighbours: another small graph in each step.

    python mini_batches.py                            # a small synthetic graph, shaped like Reddit2
    python mini_batches.py small:random --epochs 8    # one that takes no time

The one line is `approximate(model, steps=...)`: with several steps an epoch, the length is given in steps. A graph that is new
in each step is converted only where that takes less time than it saves, and the table says how often it was not. With pyg-lib
the batches are those of `NeighborLoader`, without it of the few lines below. Needs `pip install "rsc-bench[train]"`.
"""

import argparse
from collections.abc import Iterator

import torch
from torch.nn import functional
from torch_geometric.data import Data
from torch_geometric.loader import NeighborLoader
from torch_geometric.nn import GraphSAGE
from torch_geometric.typing import WITH_PYG_LIB

from rsc_bench import Csr, approximate
from rsc_bench.suites import graphs

BATCH, FANOUT = 128, [10, 10]


def batches(data: Data, adjacency: Csr) -> Iterator[Data]:
    """Yield a graph around each batch of training nodes, which are the first of its nodes."""
    if WITH_PYG_LIB:
        yield from NeighborLoader(data, FANOUT, data.train_mask, batch_size=BATCH, shuffle=True)
        return
    known = data.train_mask.nonzero().view(-1)
    for seeds in known[torch.randperm(len(known))].split(BATCH):
        targets, hops = seeds, []
        for most in FANOUT:
            hops.append(neighbours(adjacency, targets, most))
            targets = hops[-1][0].unique()
        edges = torch.cat(hops, 1).unique(dim=1)
        others = torch.zeros(data.num_nodes, dtype=torch.bool).index_fill(0, edges.flatten(), True).index_fill(0, seeds, False)
        nodes = torch.cat([seeds, others.nonzero().view(-1)])
        place = torch.empty(data.num_nodes, dtype=torch.long).index_copy(0, nodes, torch.arange(len(nodes)))
        yield Data(x=data.x[nodes], y=data.y[nodes], edge_index=place[edges], batch_size=len(seeds))


def neighbours(adjacency: Csr, targets: torch.Tensor, most: int) -> torch.Tensor:
    """Return (2, edges) into `targets`, at most so many each, drawn at random with repetition."""
    targets = targets[adjacency.row_nnz[targets] > 0]
    drawn = (torch.rand(len(targets), most) * adjacency.row_nnz[targets, None]).long()
    sources = adjacency.col[adjacency.rowptr[targets, None] + drawn]
    return torch.stack([sources.long().view(-1), targets.repeat_interleave(most)])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Train with mini-batches, approximated.")
    parser.add_argument("graph", nargs="?", default="twin:reddit2@0.01", help="name of a graph, or a graph file with labels")
    parser.add_argument("--epochs", type=int, default=10)
    given = parser.parse_args()
    graph = graphs.load(given.graph)
    data = Data(x=graph.features, y=graph.labels, edge_index=graph.edge_index, train_mask=graph.masks.train)
    torch.manual_seed(0)
    model = GraphSAGE(data.num_features, 64, num_layers=2, out_channels=graph.classes)
    steps = given.epochs * -(-int(data.train_mask.sum()) // BATCH)
    converted = approximate(model, 0.3, steps=steps)  # the one line
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(given.epochs):
        for batch in batches(data, graph.adjacency):
            model.train()
            optimizer.zero_grad()
            found = model(batch.x, batch.edge_index)[: batch.batch_size]
            functional.cross_entropy(found, batch.y[: batch.batch_size]).backward()
            optimizer.step()
    print(converted)
