"""Fewer edges, those between nodes of few neighbours kept rather (DSpar, Liu et al., TMLR 2023)."""

from __future__ import annotations

import torch

from rsc_bench.kernels.sampled.selections.edges_degree import degree_weights
from rsc_bench.suites.training.controls._pairs import both_ways, ends, smallest
from rsc_bench.suites.training.controls.control import Control


def fewer(adjacency: torch.Tensor, share: float, generator: torch.Generator) -> torch.Tensor:
    """Return the adjacency with a share of its edges, drawn without replacement by their `degree_weights`.

    As the selection ``edges_degree``, but once and for all, both directions of an edge together, and self-loops stay. Kept edges
    weigh what they did: the model's own normalisation follows the new degrees. Drawn by the smallest of exponential times over the
    weights (Efraimidis and Spirakis, 2006).
    """
    rows, columns = ends(adjacency)
    degree = torch.bincount(rows, minlength=adjacency.shape[0]).clamp(min=1).double()
    number = both_ways(rows, columns, adjacency.shape[0])
    waits = torch.rand(int(number.max()) + 1 if len(number) else 0, generator=generator, dtype=torch.float64)
    return smallest(adjacency, -waits[number].log() / degree_weights(degree[rows], degree[columns]), share)


CONTROL = Control("degree-edges", "Exact training on edges drawn by the degrees of their ends, as in DSpar.", edges=fewer)
