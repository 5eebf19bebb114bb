"""The trainings of today that ours are measured against: PyTorch Geometric's own code, by what its layers are called with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import torch

from rsc_bench.harness.measure.work import Skip
from rsc_bench.kinds import AS_WRITTEN
from rsc_bench.optional import absent, present


@dataclass(frozen=True)
class Baseline:
    """Training without this project: what the layers are called with is all that one differs in from another."""

    name: str
    """What stands in the place of a kernel's name in records."""
    adjacency: Callable[[torch.Tensor], Any]
    """Makes it of a torch CSR tensor whose rows are targets; raises `Skip` with the reason where the graph does not allow it."""
    missing: Callable[[], str | None] = present
    """Why it cannot be trained so on this machine, with the remedy; None where it can."""


def edge_index(adjacency: torch.Tensor) -> torch.Tensor:
    """Return (2, edges), int64, sources above targets, in ascending sources: as the data sets of PyTorch Geometric have it."""
    if not _all_ones(adjacency):
        raise Skip("an edge_index has no edge weights, which this graph has: pyg_csr is PyTorch Geometric's own code with them")
    offsets, sources = adjacency.crow_indices().long(), adjacency.col_indices().long()
    targets = torch.repeat_interleave(torch.arange(len(offsets) - 1, device=offsets.device), offsets.diff())
    return torch.stack([sources, targets])[:, sources.argsort(stable=True)]


def as_written(adjacency: torch.Tensor) -> torch.Tensor:
    """Return what most people call a model with, an edge_index; the torch CSR tensor itself where the graph has edge weights."""
    return edge_index(adjacency) if _all_ones(adjacency) else adjacency


def csr(adjacency: torch.Tensor) -> torch.Tensor:
    """Return a torch CSR tensor with int64 indices: what ``T.ToSparseTensor(layout=torch.sparse_csr)`` makes."""
    parts = adjacency.crow_indices().long(), adjacency.col_indices().long(), adjacency.values()
    return torch.sparse_csr_tensor(*parts, adjacency.shape, check_invariants=False)


def sparse_tensor(adjacency: torch.Tensor) -> Any:
    """Return a ``SparseTensor`` of torch-sparse: what ``T.ToSparseTensor()`` makes where that is installed."""
    from torch_sparse import SparseTensor

    value = None if _all_ones(adjacency) else adjacency.values()
    rowptr, col = adjacency.crow_indices().long(), adjacency.col_indices().long()
    return SparseTensor(rowptr=rowptr, col=col, value=value, sparse_sizes=tuple(adjacency.shape), is_sorted=True)


def _all_ones(adjacency: torch.Tensor) -> bool:
    return bool((adjacency.values() == 1).all())


def _no_torch_sparse() -> str | None:
    return absent("torch_sparse") if find_spec("torch_sparse") is None else None


BASELINES = {
    baseline.name: baseline
    for baseline in (
        Baseline(AS_WRITTEN, edge_index),
        Baseline("pyg_csr", csr),
        Baseline("pyg_torch_sparse", sparse_tensor, _no_torch_sparse),
    )
}
