"""A graph as the suites use it: an adjacency, and made on first use, features, labels, a split and what there is to say of it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from rsc_bench.text import escaped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import torch

    from rsc_bench.kernels import Csr

MetricName = Literal["accuracy", "micro-F1", "ROC-AUC"]
SPLIT = (0.6, 0.2)
"""Shares of the labelled nodes in training and validation where the source has no split; the rest is for testing."""


class GraphError(Exception):
    """A graph that is not available; the message names the graph or file, the rule, the value and the remedy, in one line."""

    def __init__(self, message: str) -> None:
        super().__init__(escaped(message))  # it quotes names and contents of files


class GraphTooLargeError(GraphError):
    """A graph that main memory is too small to make; the message names what it needs, and what is free."""


@dataclass(frozen=True, eq=False)
class Masks:
    """Which nodes are for training, validation and testing."""

    train: torch.Tensor
    """(nodes,), bool."""
    val: torch.Tensor
    """(nodes,), bool."""
    test: torch.Tensor
    """(nodes,), bool."""


@dataclass(frozen=True)
class Reading:
    """What was changed when a graph was read from its file."""

    listed: int
    """Entries in the file."""
    repeated: int
    """Entries that stand there again: counted once, or with weights summed."""
    mirrored: int
    """Edges that were added as the other direction of listed ones."""
    zeros: int
    """Edges of value zero; they are edges all the same."""
    vanished: int
    """Edges whose value is too small for float32, and is zero for that."""

    def text(self, weighted: bool) -> str:
        """Return what differs from the file, in words; empty where nothing does."""
        changed = {
            f"repeated ({'their weights summed' if weighted else 'counted once'})": self.repeated,
            "added to go both ways": self.mirrored,
            "of weight 0": self.zeros,
            "of a weight too small for float32, now 0": self.vanished,
        }
        parts = [f"{count:,} {what}" for what, count in changed.items() if count]
        return f"read from {_counted(self.listed, 'entry', 'entries')}: {', '.join(parts)}" if parts else ""


@dataclass(frozen=True)
class Facts:
    """What is said of a graph when it is loaded, so that nobody measures another graph than they mean."""

    name: str
    nodes: int
    edges: int
    """Non-zeros of the adjacency: an edge that goes both ways counts twice."""
    self_loops: int
    repeated: int
    """Entries that stood in the file again; where there is no file, entries that stand in the adjacency again."""
    directed: bool
    weighted: bool
    isolated: int
    """Nodes that have no edge to or from another node."""
    components: int
    """Parts that no edge connects, whichever way edges go; an isolated node is one."""
    features: int | None
    """Features a node, 0 without; None where that is not known before they are made."""
    classes: int
    """Classes, or tasks of a multi-label graph; 0 without labels."""
    reading: Reading | None
    """What reading has changed; None for a graph that is not from a file."""

    def text(self) -> str:
        """Return all of it in one line."""
        features = "features not made yet" if self.features is None else _counted(self.features, "feature")
        said = [
            _counted(self.nodes, "node"),
            f"{_counted(self.edges, 'edge')} (non-zeros)",
            _counted(self.self_loops, "self-loop"),
            f"{self.repeated:,} repeated",
            "directed" if self.directed else "undirected",
            "weighted" if self.weighted else "unweighted",
            _counted(self.isolated, "isolated node"),
            _counted(self.components, "component"),
            features,
            _counted(self.classes, "class", "classes"),
        ]
        changed = self.reading.text(self.weighted) if self.reading else ""
        return f"graph {self.name}: {', '.join(said)}{'; ' * bool(changed)}{changed}"


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
    feature_count: int | None = None
    """Features a node, 0 without any; None: not known before they are made."""
    reading: Reading | None = None
    """What was changed when it was read from a file; None where there was none."""

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
        """Return the bytes of what it has in memory by now: features, labels and edge_index are made on first use."""
        matrix, made = self.adjacency, vars(self)
        parts = (matrix.rowptr, matrix.col, matrix.entries, *map(made.get, ("features", "labels", "edge_index")), self.order)
        return sum(part.nbytes for part in parts if part is not None)

    @cached_property
    def edge_index(self) -> torch.Tensor:
        """(2, edges), int64: the source of each edge, then its target, as PyTorch Geometric takes them; made on first use."""
        import torch

        targets = torch.arange(self.nodes, device=self.adjacency.device).repeat_interleave(self.adjacency.row_nnz)
        return torch.stack([self.adjacency.col.long(), targets])

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
    def facts(self) -> Facts:
        """What there is to say of it when it is loaded; features are not made for it."""
        loops, repeated, isolated, components = _shape(self.adjacency, self.directed)
        made = vars(self).get("features")
        features = 0 if self.make_features is nothing else self.feature_count
        return Facts(
            name=self.name,
            nodes=self.nodes,
            edges=self.edges,
            self_loops=loops,
            repeated=self.reading.repeated if self.reading else repeated,
            directed=self.directed,
            weighted=self.adjacency.entries is not None,
            isolated=isolated,
            components=components,
            features=features if made is None else made.shape[1],
            classes=self.classes,
            reading=self.reading,
        )

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


def _shape(adjacency: Csr, directed: bool) -> tuple[int, int, int, int]:
    """Return the numbers of self-loops, repeated entries, isolated nodes and components."""
    import numpy as np
    import scipy.sparse
    from scipy.sparse.csgraph import connected_components

    rowptr, columns, nodes = adjacency.rowptr.cpu().numpy(), adjacency.col.cpu().numpy(), adjacency.shape[0]
    rows = np.repeat(np.arange(nodes, dtype=columns.dtype), np.diff(rowptr))
    loop = rows == columns
    linked = np.zeros(nodes, dtype=bool)
    linked[rows[~loop]] = linked[columns[~loop]] = True
    # Columns ascend within a row.
    repeated = int(np.count_nonzero((rows[1:] == rows[:-1]) & (columns[1:] == columns[:-1])))
    pattern = scipy.sparse.csr_matrix((np.ones(columns.size), columns, rowptr), shape=adjacency.shape)
    # What is strongly connected is connected where each edge has its opposite, and is found in a third of the time.
    components = connected_components(pattern, connection="weak" if directed else "strong", return_labels=False)
    return int(np.count_nonzero(loop)), repeated, nodes - int(np.count_nonzero(linked)), int(components)


def _counted(count: int, one: str, several: str | None = None) -> str:
    return f"{count:,} {one if count == 1 else several or one + 's'}"


def _digest(digest: hashlib.blake2b, parts: Iterable[torch.Tensor]) -> str:
    for part in parts:
        digest.update(part.cpu().contiguous().numpy().data)
    return digest.hexdigest()


def random_split(nodes: int, labels: torch.Tensor | None, seed: int = 0, shares: tuple[float, float] = SPLIT) -> Masks:
    """Return a random split of the labelled nodes, `shares` of them in training and validation; of all without labels."""
    import torch

    order = torch.randperm(nodes, generator=torch.Generator().manual_seed(seed))
    if labels is not None and labels.dim() == 1:
        order = order[labels[order] >= 0]
    first, second = (int(order.numel() * share) for share in (shares[0], sum(shares)))
    return Masks(*(_mask(nodes, part) for part in (order[:first], order[first:second], order[second:])))


def _mask(nodes: int, members: torch.Tensor) -> torch.Tensor:
    import torch

    mask = torch.zeros(nodes, dtype=torch.bool)
    mask[members] = True
    return mask
