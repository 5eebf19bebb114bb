"""What a selection is: scores and costs of the column-row pairs in, the pairs to multiply out."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import torch

from rsc_bench.fields import Plugin

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


Draw = Callable[[torch.Tensor, torch.Tensor, int, torch.Generator], Kept]
"""(scores (pairs,) float32 not negative, non-zeros of each pair (pairs,) int64, most non-zeros, generator) -> Kept."""


@dataclass(frozen=True)
class Selection(Plugin):
    """A way to choose pairs; a file in ``kernels/sampled/selections`` that defines ``SELECTION = Selection(...)`` is one.

    Raises ``ValueError`` for a name that ``NAME(kernel)`` could not be read back from, and for a `draw` that cannot be called.
    """

    name: str
    summary: str
    """One sentence: which pairs it keeps."""
    draw: Draw
    """Returns the kept pairs; their non-zeros never add up to more than the given number."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not re.fullmatch(r"\w+", self.name) or self.name.startswith(CACHED):
            rule = f"must be letters, digits and underscores, and not begin with {CACHED!r}"
            raise ValueError(f"a selection's name {rule} (got {self.name!r}): kernels are named `topk(mkl)`, `cached_topk(mkl)`")


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
