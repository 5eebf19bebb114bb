"""Fewer edges, at random: the plainest way to make a graph cheaper."""

from __future__ import annotations

import torch

from rsc_bench.suites.training.controls._pairs import both_ways, ends, smallest
from rsc_bench.suites.training.controls.control import Control


def fewer(adjacency: torch.Tensor, share: float, generator: torch.Generator) -> torch.Tensor:
    """Return the adjacency with a share of its edges, each as likely as any other."""
    number = both_ways(*ends(adjacency), adjacency.shape[0])
    rank = torch.rand(int(number.max()) + 1 if len(number) else 0, generator=generator, dtype=torch.float64)
    return smallest(adjacency, rank[number], share)


CONTROL = Control("random-edges", "Exact training on a random share of the edges.", edges=fewer)
