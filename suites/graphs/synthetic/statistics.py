"""Numbers that say how alike two graphs are: homophily and the shape of the degree distribution."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

    from rsc_bench.kernels import Csr

BLOCK = 2**22
"""Edges that are compared at a time, so that memory stays flat on graphs of a hundred million edges."""


@dataclass(frozen=True)
class Degrees:
    """The degree distribution of an adjacency's rows."""

    mean: float
    """Non-zeros a row."""
    median: float
    """Non-zeros of the middle row."""
    variation: float
    """Standard deviation over mean."""
    largest: int
    """Non-zeros of the heaviest row."""
    top_share: float
    """Share of all non-zeros that the heaviest 1 % of the rows hold."""


def degrees(adjacency: Csr) -> Degrees:
    """Return the shape of the row degree distribution."""
    count = adjacency.row_nnz.sort(descending=True).values.double()
    mean, top = float(count.mean()), max(1, count.numel() // 100)
    return Degrees(
        mean=mean,
        median=float(count.median()),
        variation=float(count.std(correction=0)) / mean,
        largest=int(count[0]),
        top_share=float(count[:top].sum() / count.sum()),
    )


def edge_homophily(adjacency: Csr, labels: torch.Tensor) -> float | None:
    """Return the share of edges whose ends have the same label (Zhu et al., NeurIPS 2020, arXiv 2006.11468).

    Edges with an unlabelled end (-1) are left out; None where no edge is left or where labels are multi-label.
    """
    import torch

    if labels.dim() != 1:
        return None
    of_row = torch.repeat_interleave(labels, adjacency.row_nnz)
    same = known = 0
    for start in range(0, adjacency.nnz, BLOCK):
        left = of_row[start : start + BLOCK]
        right = labels[adjacency.col[start : start + BLOCK]]
        both = (left >= 0) & (right >= 0)
        known += int(both.sum())
        same += int((both & (left == right)).sum())
    return same / known if known else None
