"""Train a module of PyTorch Lightning's kind, whose network is called as `self.net(x, edge_index)` within a step.

    python train_with_lightning.py                           # a small synthetic graph, shaped like Reddit2
    python train_with_lightning.py small:random --steps 20   # one that takes no time

The one line is `approximate(module.net, ...)`. What counts as a step is one of the optimiser, whoever calls it, so nothing has
to be said to the trainer. Without Lightning a loop of four lines stands in for it. Needs `pip install "rsc-bench[train]"`.
"""

import argparse
import importlib.util

import torch
from torch.nn import functional
from torch_geometric.nn import GraphSAGE

from rsc_bench import approximate
from rsc_bench.suites import graphs

LIGHTNING = importlib.util.find_spec("lightning") is not None
if LIGHTNING:
    from lightning import LightningModule, Trainer
else:
    LightningModule = torch.nn.Module


class Classifier(LightningModule):
    """Classifies nodes: a network, its loss and its optimiser."""

    def __init__(self, graph: graphs.Graph) -> None:
        super().__init__()
        self.net = GraphSAGE(graph.features.shape[1], 64, num_layers=2, out_channels=graph.classes, dropout=0.5)
        self.x, self.y, self.masks, self.edge_index = graph.features, graph.labels, graph.masks, graph.edge_index

    def training_step(self, *_batch: object) -> torch.Tensor:
        """Return the loss of the training nodes; the batch is the whole graph."""
        found = self.net(self.x, self.edge_index)[self.masks.train]
        return functional.cross_entropy(found, self.y[self.masks.train])

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return the optimiser."""
        return torch.optim.Adam(self.parameters(), lr=0.01)


def fit(module: Classifier, steps: int) -> None:
    """Train as Lightning does, without it."""
    optimizer = module.configure_optimizers()
    for step in range(steps):
        optimizer.zero_grad()
        module.training_step(None, step).backward()
        optimizer.step()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Train a module of Lightning's kind, approximated.")
    parser.add_argument("graph", nargs="?", default="twin:reddit2@0.01", help="name of a graph, or a graph file with labels")
    parser.add_argument("--steps", type=int, default=50)
    given = parser.parse_args()
    torch.manual_seed(0)
    module = Classifier(graphs.load(given.graph))
    converted = approximate(module.net, 0.3, steps=given.steps)  # the one line
    if LIGHTNING:
        one = torch.utils.data.DataLoader([0])
        Trainer(max_steps=given.steps, accelerator="cpu", logger=False, enable_checkpointing=False).fit(module, one)
    else:
        fit(module, given.steps)
    print(converted)
