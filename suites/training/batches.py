"""What a training step sees of a graph, and where the steps of an epoch come from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

import torch

from rsc_bench.suites.training.data import TrainingData, TrainingError

if TYPE_CHECKING:
    import scipy.sparse


@dataclass(frozen=True, eq=False)
class Batch:
    """What one training step sees of the graph."""

    adjacency: torch.Tensor
    """(batch nodes, batch nodes), torch CSR: rows are targets; in training what the model is called with in its place."""
    nodes: torch.Tensor | None
    """(batch nodes,), int64: their numbers in the graph; None: all nodes, in order."""
    train: torch.Tensor
    """(training nodes of the batch,), int64: their places in the batch."""
    weight: torch.Tensor | None = None
    """(training nodes of the batch,): what each counts in the loss; None: all the same."""

    def on(self, device: torch.device) -> Batch:
        """Return the batch on a device."""
        nodes, weight = (None if part is None else part.to(device) for part in (self.nodes, self.weight))
        return Batch(self.adjacency.to(device), nodes, self.train.to(device), weight)


class Batches(Protocol):
    """The steps of a training: gone through once an epoch. A list has the same ones in each, anything else is asked anew."""

    def __len__(self) -> int:
        """Return the steps of an epoch."""

    def __iter__(self) -> Iterator[Batch]:
        """Begin an epoch."""


def whole(data: TrainingData, layers: int = 0, seed: int = 0) -> list[Batch]:
    """Return the one batch of full-batch training."""
    del layers, seed
    return [Batch(data.adjacency, None, data.train)]


@dataclass(frozen=True)
class _Called:
    """Batches whose adjacency becomes what a model is called with, when they come."""

    batches: Batches
    form: Callable[[torch.Tensor], Any]

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[Batch]:
        return (replace(batch, adjacency=self.form(batch.adjacency)) for batch in self.batches)


def called(batches: Batches, form: Callable[[torch.Tensor], Any]) -> Batches:
    """Return the batches with their adjacency in another form; those of a list once and for all."""
    found = _Called(batches, form)
    return list(found) if isinstance(batches, list) else found


def induced(matrix: scipy.sparse.csr_matrix, nodes: torch.Tensor, is_train: torch.Tensor) -> Batch:
    """Return the part of a graph between some nodes, ascending, (nodes,) int64; `is_train`: (all nodes,) bool."""
    part = matrix[nodes.numpy()][:, nodes.numpy()]
    part.sort_indices()
    parts = torch.from_numpy(part.indptr), torch.from_numpy(part.indices), torch.from_numpy(part.data)
    adjacency = torch.sparse_csr_tensor(*parts, part.shape, check_invariants=False)
    return Batch(adjacency, nodes, is_train[nodes].nonzero().squeeze(1))


def of_training_nodes(data: TrainingData) -> TrainingData:
    """Return what inductive training sees of a graph: its training nodes, and the edges between them."""
    nodes, every = data.train.cpu().sort().values, torch.ones(data.nodes, dtype=torch.bool)
    part = induced(to_scipy(data.adjacency.cpu()), nodes, every).on(data.adjacency.device)
    if not part.adjacency.values().numel():
        raise TrainingError(f"inductive training must have an edge between training nodes (got none between {len(nodes)})")
    none, where = part.train[:0], nodes.to(data.features.device)
    return replace(
        data,
        adjacency=part.adjacency,
        features=data.features[where],
        labels=data.labels[where],
        train=part.train,
        val=none,
        test=none,
    )


def to_scipy(adjacency: torch.Tensor) -> scipy.sparse.csr_matrix:
    """Return a torch CSR tensor on the CPU in SciPy."""
    import scipy.sparse

    parts = adjacency.values().numpy(), adjacency.col_indices().numpy(), adjacency.crow_indices().numpy()
    return scipy.sparse.csr_matrix(parts, shape=tuple(adjacency.shape))
