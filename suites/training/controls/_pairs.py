"""Leaves edges out of an adjacency by their rank, both directions of an edge together."""

from __future__ import annotations

import numpy as np
import torch


def ends(adjacency: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the row and the column of each non-zero, (nnz,) int64 each."""
    offsets = adjacency.crow_indices().cpu().long()
    rows = torch.repeat_interleave(torch.arange(len(offsets) - 1), offsets.diff())
    return rows, adjacency.col_indices().cpu().long()


def both_ways(rows: torch.Tensor, columns: torch.Tensor, nodes: int) -> torch.Tensor:
    """Return the number of each non-zero's edge, (nnz,) int64 from 0: the same for both directions of one."""
    keys = torch.minimum(rows, columns) * nodes + torch.maximum(rows, columns)
    _, number = np.unique(keys.numpy(), return_inverse=True)
    return torch.from_numpy(number)


def smallest(adjacency: torch.Tensor, rank: torch.Tensor, share: float) -> torch.Tensor:
    """Return the adjacency with the share of its non-zeros whose rank, (nnz,), is smallest; self-loops come first."""
    rows, columns = ends(adjacency)
    rank = rank.double().masked_fill(rows == columns, -torch.inf)
    keep = torch.zeros(len(rank), dtype=torch.bool)
    keep[rank.argsort(stable=True)[: round(share * len(rank))]] = True
    return with_entries(adjacency, keep)


def with_entries(adjacency: torch.Tensor, keep: torch.Tensor) -> torch.Tensor:
    """Return the adjacency with the non-zeros of a mask, (nnz,) bool, on its device."""
    rows, _ = ends(adjacency)
    counts = torch.bincount(rows[keep], minlength=adjacency.shape[0])
    keep, device = keep.to(adjacency.device), adjacency.device
    offsets = torch.cat([counts.new_zeros(1), counts.cumsum(0)]).to(device, adjacency.crow_indices().dtype)
    return torch.sparse_csr_tensor(
        offsets, adjacency.col_indices()[keep], adjacency.values()[keep], adjacency.shape, check_invariants=False
    )
