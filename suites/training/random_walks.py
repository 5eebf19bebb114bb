"""Splits a graph into random-walk subgraphs for mini-batch training (GraphSAINT, ICLR 2020, arXiv 1907.04931)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

from rsc_bench.suites.training.batches import Batch
from rsc_bench.suites.training.data import TrainingData, TrainingError

if TYPE_CHECKING:
    import scipy.sparse

LENGTH = 4
"""Steps of a walk (RSC's setting for Reddit)."""
MOST_ROOTS = 2000
"""Walks of a subgraph (RSC's setting for Reddit)."""
_ROOTS_SHARE = 20
"""A graph of fewer than 20 times as many nodes starts a twentieth of them, or a subgraph would be most of the graph."""


def subgraphs(data: TrainingData, layers: int, seed: int) -> list[Batch]:
    """Return about as many subgraphs as cover the graph once, drawn here and used again in each epoch.

    So a transpose, and a selection for it, is kept from epoch to epoch. A node counts in the loss by one over how
    often it was drawn (GraphSAINT, section 3.2, estimated from the subgraphs themselves).
    """
    del layers
    generator = torch.Generator().manual_seed(seed)
    roots = max(1, min(MOST_ROOTS, data.nodes // _ROOTS_SHARE))
    count = math.ceil(data.nodes / (roots * (LENGTH + 1)))
    adjacency = data.adjacency.cpu()
    drawn = [_walked(adjacency, roots, generator) for _ in range(count)]
    seen = torch.bincount(torch.cat(drawn), minlength=data.nodes)
    matrix, is_train = _scipy(adjacency), torch.zeros(data.nodes, dtype=torch.bool)
    is_train[data.train.cpu()] = True
    batches = [_batch(matrix, nodes, is_train, seen) for nodes in drawn]
    batches = [batch.on(data.adjacency.device) for batch in batches if len(batch.train)]
    if not batches:
        raise TrainingError(f"no random walk of {roots * count} met a training node: train on the whole graph (--model GraphSAGE)")
    return batches


def _walked(adjacency: torch.Tensor, roots: int, generator: torch.Generator) -> torch.Tensor:
    """Return the distinct nodes, ascending, of walks along the rows; a walk stays where a row is empty."""
    offsets, col = adjacency.crow_indices().long(), adjacency.col_indices().long()
    at = torch.randint(len(offsets) - 1, (roots,), generator=generator)
    met = [at]
    for _ in range(LENGTH):
        degree = offsets[at + 1] - offsets[at]
        pick = (torch.rand(roots, generator=generator) * degree).long().minimum((degree - 1).clamp(min=0))
        place = (offsets[at] + pick).clamp(max=len(col) - 1)
        at = torch.where(degree > 0, col[place], at)
        met.append(at)
    nodes: torch.Tensor = torch.cat(met).unique()  # type: ignore[no-untyped-call]
    return nodes


def _batch(matrix: scipy.sparse.csr_matrix, nodes: torch.Tensor, is_train: torch.Tensor, seen: torch.Tensor) -> Batch:
    part = matrix[nodes.numpy()][:, nodes.numpy()]
    part.sort_indices()
    parts = torch.from_numpy(part.indptr), torch.from_numpy(part.indices), torch.from_numpy(part.data)
    train = is_train[nodes].nonzero().squeeze(1)
    adjacency = torch.sparse_csr_tensor(*parts, part.shape, check_invariants=False)
    return Batch(adjacency, nodes, train, 1.0 / seen[nodes[train]].float())


def _scipy(adjacency: torch.Tensor) -> scipy.sparse.csr_matrix:
    import scipy.sparse

    parts = adjacency.values().numpy(), adjacency.col_indices().numpy(), adjacency.crow_indices().numpy()
    return scipy.sparse.csr_matrix(parts, shape=tuple(adjacency.shape))
