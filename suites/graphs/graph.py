"""A graph as the suites use it: an adjacency, and made on first use, features, labels and a split."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import torch

    from rsc_bench.kernels import Csr

MetricName = Literal["accuracy", "micro-F1", "ROC-AUC"]
SPLIT = (0.6, 0.2)
"""Shares of the labelled nodes in training and validation where the source has no split; the rest is for testing."""


class GraphError(Exception):
    """A graph that is not available; the message names the graph or file, the rule, the value and the remedy."""


@dataclass(frozen=True, eq=False)
class Masks:
    """Which nodes are for training, validation and testing."""

    train: torch.Tensor
    """(nodes,), bool."""
    val: torch.Tensor
    """(nodes,), bool."""
    test: torch.Tensor
    """(nodes,), bool."""


def nothing() -> None:
    """Return None: the graph has none."""
    return


@dataclass(frozen=True, eq=False)
class Graph:
    """An immutable graph; entry (i, j) of the adjacency says that node i gathers from node j."""

    name: str
    """Name that records keep, with its scale: ``twin:reddit2@0.05``; the file stem of a file."""
    adjacency: Csr
    """(nodes, nodes); self-loops are those of the source, value None unless the source carries weights."""
    directed: bool
    """True where the adjacency is not symmetric."""
    classes: int
    """Classes, or tasks of a multi-label graph; 0 without labels."""
    metric_name: MetricName
    """What a model's predictions are judged by."""
    make_features: Callable[[], torch.Tensor | None] = nothing
    """Makes `features` on first use."""
    make_labels: Callable[[], torch.Tensor | None] = nothing
    """Makes `labels` on first use."""
    make_masks: Callable[[], Masks] | None = None
    """Makes `masks` on first use; None: a random split of the labelled nodes, the same each time."""
    order: torch.Tensor | None = None
    """(nodes,), int64: which node of the source each node is; None: the source's own order."""

    def __post_init__(self) -> None:
        rows, columns = self.adjacency.shape
        if rows != columns:
            raise GraphError(
                f"{self.name}: an adjacency must be square (got {rows} x {columns}): store one row and one column a node"
            )
        if self.adjacency.nnz == 0:
            raise GraphError(f"{self.name}: a graph must have at least one edge (got 0 edges, {rows} nodes)")

    @property
    def nodes(self) -> int:
        """Number of nodes."""
        return self.adjacency.shape[0]

    @property
    def edges(self) -> int:
        """Number of directed edges: the non-zeros of the adjacency."""
        return self.adjacency.nnz

    def memory_bytes(self) -> int:
        """Return the bytes of what it has in memory by now: features and labels are made on first use."""
        matrix, made = self.adjacency, vars(self)
        parts = (matrix.rowptr, matrix.col, matrix.entries, made.get("features"), made.get("labels"), self.order)
        return sum(part.nbytes for part in parts if part is not None)

    @cached_property
    def features(self) -> torch.Tensor | None:
        """(nodes, features), float32; None where the source has none."""
        return self.make_features()

    @cached_property
    def labels(self) -> torch.Tensor | None:
        """(nodes,), int64, -1 where missing; (nodes, classes), float32 where multi-label; None where the source has none."""
        return self.make_labels()

    @cached_property
    def masks(self) -> Masks:
        """The split of the source, or a random one of the labelled nodes."""
        return self.make_masks() if self.make_masks else random_split(self.nodes, self.labels)

    @cached_property
    def digest(self) -> str:
        """Sixteen hexadecimal digits of the structure and its values: equal where two runs saw the same adjacency."""
        digest = hashlib.blake2b(str(self.adjacency.shape).encode(), digest_size=8)
        parts = [self.adjacency.rowptr.long(), self.adjacency.col]
        value = self.adjacency.value
        return _digest(digest, parts if value is None else [*parts, value.float()])

    @cached_property
    def task_digest(self) -> str:
        """The same of all that a training sees: features, labels and split too."""
        masks = self.masks
        parts = (self.features, self.labels, masks.train, masks.val, masks.test)
        digest = hashlib.blake2b(self.digest.encode(), digest_size=8)
        return _digest(digest, [part for part in parts if part is not None])


def _digest(digest: hashlib.blake2b, parts: Iterable[torch.Tensor]) -> str:
    for part in parts:
        digest.update(part.cpu().contiguous().numpy().data)
    return digest.hexdigest()


def random_split(nodes: int, labels: torch.Tensor | None, seed: int = 0) -> Masks:
    """Return a random split of the labelled nodes in the shares of `SPLIT`; of all nodes where there are no labels."""
    import torch

    order = torch.randperm(nodes, generator=torch.Generator().manual_seed(seed))
    if labels is not None and labels.dim() == 1:
        order = order[labels[order] >= 0]
    first, second = (int(order.numel() * share) for share in (SPLIT[0], SPLIT[0] + SPLIT[1]))
    return Masks(*(_mask(nodes, part) for part in (order[:first], order[first:second], order[second:])))


def _mask(nodes: int, members: torch.Tensor) -> torch.Tensor:
    import torch

    mask = torch.zeros(nodes, dtype=torch.bool)
    mask[members] = True
    return mask
