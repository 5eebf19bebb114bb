"""Fewer edges, no node with more than K neighbours: what neighbour samplers do, once and for all."""

from __future__ import annotations

import torch

from rsc_bench.kernels.sampled.selections import most_a_row
from rsc_bench.suites.training.controls._pairs import ends, with_entries
from rsc_bench.suites.training.controls.control import Control


def fewer(adjacency: torch.Tensor, share: float, generator: torch.Generator) -> torch.Tensor:
    """Return the adjacency with at most K random entries a row; K is the largest that keeps no more than the share of them."""
    counts = adjacency.crow_indices().cpu().long().diff()
    most = max(1, most_a_row(counts, share * int(counts.sum())))
    rows, _ = ends(adjacency)
    # The place of each entry among those of its row, by a random order.
    order = torch.rand(len(rows), generator=generator, dtype=torch.float64).add(rows.double()).argsort()
    place = torch.empty_like(order)
    place[order] = torch.arange(len(rows)) - torch.repeat_interleave(counts.cumsum(0) - counts, counts)
    return with_entries(adjacency, place < most)


CONTROL = Control("few-neighbours", "Exact training with at most K random neighbours a node, the same in each epoch.", edges=fewer)
