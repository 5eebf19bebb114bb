"""What a selection is: what chooses the column-row pairs, or the single non-zeros, that are multiplied."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import torch

from rsc_bench.fields import Plugin
from rsc_bench.kernels.csr import Csr

CACHED = "cached_"
"""Stands in front of a selection's name where one selection serves several calls: ``cached_topk(mkl)``."""


@dataclass(frozen=True, eq=False)
class Kept:
    """The column-row pairs that will be multiplied."""

    mask: torch.Tensor
    """(pairs,), bool."""
    scale: torch.Tensor | None = None
    """(pairs,), float32: what each pair is multiplied by, 0 where it is dropped; None: by 1."""
    most_nnz: int | None = None
    """What the host knows of their non-zeros without asking the device: that they are no more than this; None: nothing."""

    @property
    def weights(self) -> torch.Tensor:
        """(pairs,), float32: what each pair counts for, 0 where it is dropped."""
        return self.mask.float() if self.scale is None else self.scale

    def weights_of(self, entries: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
        """Return what some non-zeros count for, (entries,); `columns` are theirs."""
        del entries
        return (self.mask if self.scale is None else self.scale)[columns]


@dataclass(frozen=True, eq=False)
class Edges:
    """The non-zeros that will be multiplied."""

    places: torch.Tensor
    """(kept,), int64, ascending, each once: where they stand in the matrix's `col`."""
    scale: torch.Tensor | None = None
    """(kept,), float32: what each is multiplied by; None: by 1."""

    def weights_of(self, entries: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
        """Return what some non-zeros count for, (entries,); `columns` are theirs."""
        del columns
        if not len(self.places):
            return torch.zeros(len(entries), device=entries.device)
        found = torch.searchsorted(self.places, entries).clamp(max=len(self.places) - 1)
        weight = torch.ones(len(entries), device=entries.device) if self.scale is None else self.scale[found]
        return torch.where(self.places[found] == entries, weight, 0.0)


Draw = Callable[[torch.Tensor, torch.Tensor, int, torch.Generator], Kept]
"""(scores (pairs,) float32 not negative, non-zeros of each pair (pairs,) int64, most non-zeros, generator) -> Kept."""
DrawEdges = Callable[[torch.Generator], Edges]
"""Chooses non-zeros of a matrix, anew in each selection."""
PrepareEdges = Callable[[Csr, int], DrawEdges]
"""(matrix, most non-zeros) -> DrawEdges; what it looks up is paid once, when a kernel is prepared."""


@dataclass(frozen=True)
class Selection(Plugin):
    """A way to choose what is multiplied; a file in ``kernels/sampled/selections`` that defines ``SELECTION`` is one.

    Raises ``ValueError`` for a name that ``NAME(kernel)`` could not be read back from, and unless it has either `draw` or `edges`.
    """

    name: str
    summary: str
    """One sentence: which pairs, or which edges, it keeps."""
    draw: Draw | None = None
    """Returns the kept pairs; their non-zeros never add up to more than the given number."""
    edges: PrepareEdges | None = None
    """In the place of `draw`: chooses single non-zeros, never more than the given number, by the matrix alone."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not re.fullmatch(r"\w+", self.name) or self.name.startswith(CACHED):
            rule = f"must be letters, digits and underscores, and not begin with {CACHED!r}"
            raise ValueError(f"a selection's name {rule} (got {self.name!r}): kernels are named `topk(mkl)`, `cached_topk(mkl)`")
        if (self.draw is None) == (self.edges is None):
            given = "neither" if self.draw is None else "both"
            raise ValueError(f"selection {self.name!r}: must have draw, for pairs, or edges, for single non-zeros (got {given})")

    def why_not_train(self) -> str | None:
        """Return why a training cannot sample with it; None where it can."""
        if self.draw is not None:
            return None
        return f"{self.name} chooses edges, and a training samples column-row pairs: topk, random and importance choose these"


def affordable_prefix(order: torch.Tensor, pair_nnz: torch.Tensor, most_nnz: int) -> torch.Tensor:
    """Return the (pairs,) bool mask of the longest prefix of `order`, in which each pair stands once, that fits in `most_nnz`.

    Nothing is read back to the host, so on a GPU it costs no synchronisation.
    """
    fits = pair_nnz[order].cumsum(0) <= most_nnz
    return torch.empty_like(fits).scatter_(0, order, fits)


SMALL_REST = 100
"""A rest of less than one part in so many of the budget is not worth another look for pairs that fit."""


def affordable(order: torch.Tensor, pair_nnz: torch.Tensor, most_nnz: int, worth: torch.Tensor | None = None) -> torch.Tensor:
    """Return the (pairs,) bool mask of the longest prefix of `order` that fits, and of what else fits behind it, in that order.

    One pair that is as large as the whole budget would otherwise leave it unspent. Behind the prefix only pairs in `worth`
    are taken: one without a score would cost and give nothing. As `affordable_prefix` it waits for no device.
    """
    cost = pair_nnz[order]
    fits = cost.cumsum(0) <= most_nnz
    rest = most_nnz - (cost * fits).sum()
    rest = torch.where(rest * SMALL_REST > most_nnz, rest, -1)
    small = (cost <= rest).logical_and_(~fits)
    small = small if worth is None else small.logical_and_(worth[order])
    fits |= (cost * small).cumsum(0).le(rest).logical_and_(small)
    return torch.empty_like(fits).scatter_(0, order, fits)


def most_a_row(row_nnz: torch.Tensor, room: float) -> int:
    """Return the largest K with which rows that keep K non-zeros at most keep no more than `room` together.

    Args:
        row_nnz: (rows,), int64: non-zeros of each.
        room: most non-zeros.
    """
    low, high = 0, int(row_nnz.max()) if len(row_nnz) else 0
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if int(row_nnz.clamp(max=middle).sum()) <= room else (low, middle - 1)
    return low
