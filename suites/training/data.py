"""Turns a graph into tensors that a model is trained on, or into one line that says what the graph lacks."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

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
    recipe: Recipe = field(default_factory=Recipe)
    """What it is trained with: how mini-batches are made."""

    def by(self, recipe: Recipe) -> TrainingData:
        """Return the data as a recipe wants them: standardised features, edges in both directions, and how mini-batches are made.

        Where training is inductive, nothing is learnt of other features than those of the training nodes.
        """
        features, adjacency = self.features, self.adjacency
        if recipe.standardise:
            seen = features[self.train] if recipe.inductive else features
            deviation = seen.std(dim=0, keepdim=True).clamp(min=1e-6)
            features = (features - seen.mean(dim=0, keepdim=True)) / deviation
        if recipe.undirected:
            adjacency = both_ways(adjacency)
        return replace(self, features=features, adjacency=adjacency, recipe=recipe)

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


def both_ways(adjacency: torch.Tensor) -> torch.Tensor:
    """Return a torch CSR tensor with the opposite of each entry that has none, of the same weight; itself where all have one."""
    offsets, columns, values = adjacency.crow_indices().long(), adjacency.col_indices().long(), adjacency.values()
    nodes = adjacency.shape[0]
    rows = torch.repeat_interleave(torch.arange(nodes, device=columns.device), offsets.diff())
    keys, opposite = rows * nodes + columns, columns * nodes + rows
    alone = ~torch.isin(opposite, keys)
    if not bool(alone.any()):
        return adjacency
    keys, order = torch.cat([keys, opposite[alone]]).sort()
    counts = torch.bincount(keys // nodes, minlength=nodes)
    parts = torch.cat([counts.new_zeros(1), counts.cumsum(0)]), keys % nodes, torch.cat([values, values[alone]])[order]
    kind = adjacency.crow_indices().dtype if len(keys) < 2**31 else torch.int64
    return torch.sparse_csr_tensor(parts[0].to(kind), parts[1].to(kind), parts[2], adjacency.shape, check_invariants=False)


def class_weights(data: TrainingData) -> torch.Tensor:
    """Return (classes,): training nodes over those of the class and over the classes that there are, 0 for one that has none.

    So each class counts the same. Of several tasks, training nodes without one over those with it: each task's two sides count the
    same; 1 where a task has one side alone.
    """
    labels = data.labels[data.train]
    if data.multi_label:
        positive = labels.sum(dim=0)
        negative = len(labels) - positive
        return torch.where((positive > 0) & (negative > 0), negative / positive.clamp(min=1), 1.0)
    counts = torch.bincount(labels, minlength=data.classes)
    return torch.where(counts > 0, len(labels) / ((counts > 0).sum() * counts.clamp(min=1)), 0.0)


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
