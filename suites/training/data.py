"""Turns a graph into tensors that a model is trained on, or into one line that says what the graph lacks."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from rsc_bench.suites.graphs import Graph
from rsc_bench.suites.graphs.graph import MetricName, nothing
from rsc_bench.suites.training.recipes import Recipe


class TrainingError(Exception):
    """A training that cannot begin or go on; the message is the reason that its record keeps."""


@dataclass(frozen=True, eq=False)
class TrainingData:
    """One graph on one device, complete and checked."""

    adjacency: torch.Tensor
    """(nodes, nodes), torch CSR of ones or of the graph's weights: rows are targets."""
    features: torch.Tensor
    """(nodes, features), float32."""
    labels: torch.Tensor
    """(nodes,), int64; (nodes, classes), float32 where multi-label."""
    train: torch.Tensor
    """(training nodes,), int64."""
    val: torch.Tensor
    """(validation nodes,), int64."""
    test: torch.Tensor
    """(test nodes,), int64."""
    classes: int
    metric_name: MetricName
    walk_length: int = 4
    """Steps of a walk, where mini-batches are made of walks."""
    walk_roots: int = 2000
    """Walks of a mini-batch."""

    def by(self, recipe: Recipe) -> TrainingData:
        """Return the data as a recipe wants them: standardised features, and how walks are made."""
        features = self.features
        if recipe.standardise:
            deviation = features.std(dim=0, keepdim=True).clamp(min=1e-6)
            features = (features - features.mean(dim=0, keepdim=True)) / deviation
        return replace(self, features=features, walk_length=recipe.walk_length, walk_roots=recipe.walk_roots)

    @property
    def nodes(self) -> int:
        """Number of nodes."""
        return self.features.shape[0]

    @property
    def multi_label(self) -> bool:
        """Whether each node has any number of the classes."""
        return self.labels.dim() == 2


def training_data(graph: Graph, device: str = "cpu") -> TrainingData:
    """Return what `graph` has for training, on `device`; raises `TrainingError` for the first thing that is missing or wrong."""
    features, labels = graph.features, graph.labels
    if features is None:
        raise TrainingError(_none(graph, "features"))
    if labels is None:
        raise TrainingError(_none(graph, "labels"))
    parts = {name: getattr(graph.masks, name).nonzero().squeeze(1) for name in ("train", "val", "test")}
    for name, nodes in parts.items():
        if not len(nodes):
            raise TrainingError(f"graph {graph.name!r}: the {name} mask must hold at least one node (got 0): give another split")
    _check_labels(graph, labels, torch.cat(list(parts.values())))
    return TrainingData(
        adjacency=_torch_csr(graph).to(device),
        features=_own(features, device),
        labels=_own(labels, device),
        classes=graph.classes,
        metric_name=graph.metric_name,
        **{name: nodes.to(device) for name, nodes in parts.items()},
    )


def lack(graph: Graph) -> str | None:
    """Return why nothing can be trained on a graph, as it is known before anything is made; None where that does not tell."""
    given = {"features": graph.make_features, "labels": graph.make_labels}
    return next((_none(graph, what) for what, make in given.items() if make is nothing), None)


def _none(graph: Graph, what: str) -> str:
    return f"graph {graph.name!r} must have {what} to train on (it has none): give a file with {what}"


def _own(values: torch.Tensor, device: str) -> torch.Tensor:
    """A copy on the device: a graph from the cache lies in a file, whose pages would be read while epochs are timed."""
    return values.to(device, copy=True)


def _check_labels(graph: Graph, labels: torch.Tensor, used: torch.Tensor) -> None:
    found = labels[used]
    low, high = (int(found.min()), int(found.max()))
    most = 1 if labels.dim() == 2 else graph.classes - 1
    if low < 0 or high > most:
        rule = f"labels of the nodes that are split must lie in [0, {most}]"
        raise TrainingError(f"graph {graph.name!r}: {rule} (got {low} to {high}): correct the labels or the split")
    if labels.dim() == 2 and labels.shape[1] != graph.classes:
        raise TrainingError(f"graph {graph.name!r}: labels must have {graph.classes} columns, one a task (got {labels.shape[1]})")


def _torch_csr(graph: Graph) -> torch.Tensor:
    matrix = graph.adjacency
    value = torch.ones(matrix.nnz) if (given := matrix.value) is None else given.float()
    col = matrix.col.to(matrix.rowptr.dtype)
    return torch.sparse_csr_tensor(matrix.rowptr, col, value, matrix.shape, check_invariants=False)
