"""A model of your own: `rsc-bench bench training --model my_model.py` trains it beside what you run today.

`python my_model.py` builds it for a small graph, and prints the layers that `accelerate` converts.
"""

from torch import nn
from torch.nn import functional
from torch_geometric.nn import GraphConv

from rsc_bench import accelerate
from rsc_bench.suites.training.models import Model, Shape
from rsc_bench.suites.training.recipes import Recipe


class Mine(nn.Module):
    """Two dense layers around graph convolutions."""

    def __init__(self, features, hidden, classes, layers, dropout):
        super().__init__()
        self.into = nn.Linear(features, hidden)
        self.convs = nn.ModuleList(GraphConv(hidden, hidden, aggr="mean") for _ in range(layers))
        self.out = nn.Linear(hidden, classes)
        self.dropout = dropout

    def forward(self, x, edge_index):
        """Return (nodes, classes) logits."""
        x = self.into(x).relu()
        for conv in self.convs:
            x = functional.dropout(conv(x, edge_index).relu(), self.dropout, self.training)
        return self.out(x)


def build(shape, recipe):
    """Return a fresh module for the sizes of a graph."""
    return Mine(shape.features, recipe.hidden, shape.classes, shape.layers, recipe.dropout)


def loss(logits, labels):
    """Return cross entropy with softened labels."""
    return functional.cross_entropy(logits, labels, label_smoothing=0.1)


MODEL = Model("Mine", "GraphConv between two dense layers.", build, layers=2, reduce="mean", loss=loss)


if __name__ == "__main__":
    print(accelerate(build(Shape(features=16, classes=4, layers=2), Recipe(hidden=8))))
