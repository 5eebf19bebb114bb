"""Train a graph autoencoder to predict links: a model that is never called itself, but through `encode` and a loss of its own.

    python predict_links.py                             # a small synthetic graph, shaped like Reddit2
    python predict_links.py small:random --epochs 20    # one that takes no time

The one line is `accelerate(model)`. It changes the layers, so it does not matter by which method they are reached. Needs
`pip install "rsc-bench[train]"`.
"""

import argparse

import torch
from torch_geometric.data import Data
from torch_geometric.nn import GAE, GCNConv
from torch_geometric.transforms import RandomLinkSplit

from rsc_bench import accelerate
from rsc_bench.suites import graphs


class Encoder(torch.nn.Module):
    """Two graph convolutions that give each node a place."""

    def __init__(self, features: int, hidden: int, places: int) -> None:
        super().__init__()
        self.first = GCNConv(features, hidden)
        self.second = GCNConv(hidden, places)

    def forward(self, x: torch.Tensor, edge_index: torch.Tensor) -> torch.Tensor:
        """Return (nodes, places)."""
        return self.second(self.first(x, edge_index).relu(), edge_index)


def split(graph: graphs.Graph) -> tuple[Data, Data, Data]:
    """Return the graph three times, with other links to predict: for training, validation and testing."""
    data = Data(x=graph.features, edge_index=graph.edge_index)
    return RandomLinkSplit(is_undirected=not graph.directed, split_labels=True, add_negative_train_samples=False)(data)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Predict links with an accelerated graph autoencoder.")
    parser.add_argument("graph", nargs="?", default="twin:reddit2@0.01", help="name of a graph, or a graph file with features")
    parser.add_argument("--epochs", type=int, default=50)
    given = parser.parse_args()
    torch.manual_seed(0)
    training, _, test = split(graphs.load(given.graph))

    model = GAE(Encoder(training.num_features, 64, 16))
    converted = accelerate(model)  # the one line
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(given.epochs):
        model.train()
        optimizer.zero_grad()
        places = model.encode(training.x, training.edge_index)
        model.recon_loss(places, training.pos_edge_label_index).backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        places = model.encode(test.x, test.edge_index)
        area, precision = model.test(places, test.pos_edge_label_index, test.neg_edge_label_index)
    print(f"area under the curve {area:.3f}, average precision {precision:.3f}")
    print(converted)
