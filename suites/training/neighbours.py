"""Draws mini-batches of training nodes with some neighbours of each: GraphSAGE's training, and PyG's NeighborLoader."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch

from rsc_bench.suites.training.batches import Batch
from rsc_bench.suites.training.data import TrainingData

FANOUTS = (15, 10)
"""Neighbours drawn of each node of a hop; `FURTHER` in all hops behind these."""
FURTHER = 5
MOST_SEEDS = 1024
"""Training nodes of a batch."""
_FEWEST_BATCHES = 8
"""A graph of few training nodes is cut into so many, or a batch would be all of it."""


class Neighbours:
    """The mini-batches of an epoch, other ones in each: no graph comes twice, as from PyTorch Geometric's ``NeighborLoader``.

    Training nodes are dealt out at random. Around those of a batch, which stand first in it, neighbours are drawn without
    replacement hop by hop, one hop a layer; each node's are drawn once. The loss is that of the training nodes dealt out.
    """

    def __init__(self, data: TrainingData, layers: int, seed: int) -> None:
        """Draw nothing yet.

        Args:
            data: the graph; batches come on its device, and are drawn on the host.
            layers: hops.
            seed: of all that is drawn.
        """
        adjacency = data.adjacency.cpu()
        self._offsets, self._col = adjacency.crow_indices().long(), adjacency.col_indices().long()
        self._value = adjacency.values()
        self._train, self._device = data.train.cpu(), data.adjacency.device
        self._fanouts = [*FANOUTS, *[FURTHER] * layers][:layers]
        self._size = max(1, min(MOST_SEEDS, math.ceil(len(self._train) / _FEWEST_BATCHES)))
        self._place = torch.full((data.nodes,), -1)
        self._generator = torch.Generator().manual_seed(seed)

    def __len__(self) -> int:
        return math.ceil(len(self._train) / self._size)

    def __iter__(self) -> Iterator[Batch]:
        dealt = self._train[torch.randperm(len(self._train), generator=self._generator)]
        for seeds in torch.split(dealt, self._size):
            yield self._around(seeds).on(self._device)

    def _around(self, seeds: torch.Tensor) -> Batch:
        hops, degrees, edges = [seeds], [], []
        self._place[seeds] = torch.arange(len(seeds))
        count = len(seeds)
        for fanout in self._fanouts:
            degree, drawn = self._drawn(hops[-1], fanout)
            met = self._col[drawn]
            new: torch.Tensor = met[self._place[met] < 0].unique()  # type: ignore[no-untyped-call]
            self._place[new] = torch.arange(count, count + len(new))
            count += len(new)
            hops.append(new)
            degrees.append(degree)
            edges.append(drawn)
        nodes, chosen = torch.cat(hops), torch.cat(edges)
        degrees.append(torch.zeros(len(hops[-1]), dtype=torch.int64))  # of the last hop's nodes nobody asks any more
        offsets = torch.cat([torch.zeros(1, dtype=torch.int64), torch.cat(degrees).cumsum(0)])
        sources = self._place[self._col[chosen]]
        self._place[nodes] = -1
        parts = offsets, sources, self._value[chosen]
        adjacency = torch.sparse_csr_tensor(*parts, (count, count), check_invariants=False)
        return Batch(adjacency, nodes, torch.arange(len(seeds)))

    def _drawn(self, nodes: torch.Tensor, fanout: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return how many neighbours each node gets, and the places of these in the graph's columns, node by node."""
        start = self._offsets[nodes]
        degree = self._offsets[nodes + 1] - start
        first = degree.cumsum(0) - degree
        of = torch.repeat_interleave(torch.arange(len(nodes)), degree)
        rank = torch.arange(len(of)) - first[of]
        # Behind a sort within each node the first ones are a draw without replacement.
        order = (of + torch.rand(len(of), generator=self._generator, dtype=torch.float64)).argsort()
        return degree.clamp(max=fanout), (start[of] + rank)[order[rank < fanout]]
