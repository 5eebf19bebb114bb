"""Splits a graph into random-walk subgraphs for mini-batch training (GraphSAINT, ICLR 2020, arXiv 1907.04931)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import torch

from rsc_bench.suites.training.batches import Batch, Batches, induced, to_scipy
from rsc_bench.suites.training.data import TrainingData, TrainingError

_ROOTS_SHARE = 20
"""A graph of fewer than 20 times as many nodes starts a twentieth of them, or a subgraph would be most of the graph."""


def subgraphs(data: TrainingData, layers: int, seed: int) -> list[Batch]:
    """Return about as many subgraphs as cover the graph once, drawn here and used again in each epoch.

    So a transpose, and a selection for it, is kept from epoch to epoch. Where the recipe says so (`draw_weights`) a node counts in
    the loss by one over how often it was drawn (GraphSAINT, section 3.2, estimated from the subgraphs themselves).
    """
    del layers
    return list(_Walks(data, torch.Generator().manual_seed(seed)))


def redrawn(data: TrainingData, layers: int, seed: int, lacking: type[Exception] = TrainingError) -> Batches:
    """Return the same, drawn anew in each epoch, as the paper has it; `lacking` is raised where no walk meets a training node."""
    del layers
    return _Walks(data, torch.Generator().manual_seed(seed), lacking)


class _Walks:
    """Subgraphs of random walks, drawn whenever an epoch begins."""

    def __init__(self, data: TrainingData, generator: torch.Generator, lacking: type[Exception] = TrainingError) -> None:
        self._lacking = lacking
        self._nodes, self._device, self._generator = data.nodes, data.adjacency.device, generator
        recipe = data.recipe
        self._roots = max(1, min(recipe.walk_roots, data.nodes // _ROOTS_SHARE))
        self._count = math.ceil(data.nodes / (self._roots * (recipe.walk_length + 1)))
        self._adjacency, self._length = data.adjacency.cpu(), recipe.walk_length
        self._weighs = recipe.draw_weights
        self._matrix = to_scipy(self._adjacency)
        self._is_train = torch.zeros(data.nodes, dtype=torch.bool)
        self._is_train[data.train.cpu()] = True

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Batch]:
        drawn = [_walked(self._adjacency, self._roots, self._length, self._generator) for _ in range(self._count)]
        seen = torch.bincount(torch.cat(drawn), minlength=self._nodes)
        batches = [batch for nodes in drawn if len((batch := self._batch(nodes, seen)).train)]
        if not batches:
            walks = f"no random walk of {self._roots * self._count} met a training node"
            raise self._lacking(f"{walks}: train on the whole graph (--model GraphSAGE)")
        return iter(batches)

    def _batch(self, nodes: torch.Tensor, seen: torch.Tensor) -> Batch:
        batch = induced(self._matrix, nodes, self._is_train)
        weight = 1.0 / seen[nodes[batch.train]].float() if self._weighs else None
        return replace(batch, weight=weight).on(self._device)


def _walked(adjacency: torch.Tensor, roots: int, length: int, generator: torch.Generator) -> torch.Tensor:
    """Return the distinct nodes, ascending, of walks along the rows; a walk stays where a row is empty."""
    offsets, col = adjacency.crow_indices().long(), adjacency.col_indices().long()
    at = torch.randint(len(offsets) - 1, (roots,), generator=generator)
    met = [at]
    for _ in range(length):
        degree = offsets[at + 1] - offsets[at]
        pick = (torch.rand(roots, generator=generator) * degree).long().minimum((degree - 1).clamp(min=0))
        place = (offsets[at] + pick).clamp(max=len(col) - 1)
        at = torch.where(degree > 0, col[place], at)
        met.append(at)
    nodes: torch.Tensor = torch.cat(met).unique()  # type: ignore[no-untyped-call]
    return nodes
