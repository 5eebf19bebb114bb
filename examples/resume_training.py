"""Stop an approximated training, and go on from a checkpoint in another process, in the same phase of its schedule.

    python resume_training.py                              # a small synthetic graph, shaped like Reddit2
    python resume_training.py small:random --epochs 40     # one that takes no time

Beside the model and its optimiser a third state is saved: that of what `approximate` returned. The model's own state has
nothing of ours in it, so it loads into a plain model, too. Needs `pip install "rsc-bench[train]"`.
"""

import argparse
import tempfile
from pathlib import Path

import torch
from torch.nn import functional
from torch_geometric.nn import GCN

from rsc_bench import approximate
from rsc_bench.suites import graphs


class Training:
    """A model, its optimiser and its schedule."""

    def __init__(self, graph: graphs.Graph, epochs: int) -> None:
        self.graph, self.edge_index = graph, graph.edge_index
        self.model = GCN(graph.features.shape[1], 64, num_layers=2, out_channels=graph.classes)
        self.converted = approximate(self.model, 0.3, epochs=epochs)
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=0.01)
        self.parts = {"model": self.model, "optimizer": self.optimizer, "converted": self.converted}

    def train(self, epochs: int) -> None:
        """Train for so many epochs from here on."""
        known = self.graph.masks.train
        for _ in range(epochs):
            self.model.train()
            self.optimizer.zero_grad()
            found = self.model(self.graph.features, self.edge_index)
            functional.cross_entropy(found[known], self.graph.labels[known]).backward()
            self.optimizer.step()

    def save(self, path: Path) -> None:
        """Write all three states."""
        torch.save({name: part.state_dict() for name, part in self.parts.items()}, path)

    def load(self, path: Path) -> None:
        """Go on where `save` was called."""
        for name, state in torch.load(path, weights_only=True).items():
            self.parts[name].load_state_dict(state)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Resume an approximated training from a checkpoint.")
    parser.add_argument("graph", nargs="?", default="twin:reddit2@0.01", help="name of a graph, or a graph file with labels")
    parser.add_argument("--epochs", type=int, default=50)
    given = parser.parse_args()
    graph = graphs.load(given.graph)
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = Path(folder) / "checkpoint.pt"
        first = Training(graph, given.epochs)
        first.train(given.epochs // 2)
        first.save(checkpoint)
        print(f"stopped: {first.converted!r}")

        second = Training(graph, given.epochs)
        second.load(checkpoint)
    print(f"resumed: {second.converted!r}")
    second.train(given.epochs - given.epochs // 2)
    print(second.converted)
