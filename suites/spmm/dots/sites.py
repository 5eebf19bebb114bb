"""Chooses the places of both operands of SDDMM that are changed between calls, and works out what the results then must be."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from rsc_bench.kernels import Csr
from rsc_bench.suites.spmm.operands import Operands
from rsc_bench.suites.spmm.sites import SITES, Numbers, has_room, numbers

RESULTS = 2
"""Non-zeros that are looked at, at most, of those in a row or a column."""
FEATURES = 16
"""Places of a row of which the one is changed that counts for most: what it multiplies must not be about 0."""


@dataclass(frozen=True, eq=False)
class DotSite:
    """A place of an operand, and the dot products that are looked at when it was changed."""

    side: int
    """Which operand it is in: 0 the left one, 1 the right one."""
    place: tuple[int, int]
    """Row and column of the operand."""
    old: float
    """What stands there."""
    size: float
    """How large a change must be about: it is seen in what it reaches, beside the other terms, and not lost in rounding."""
    entries: Numbers
    """(entries,), int64: non-zeros whose dot products are looked at."""
    others: Numbers
    """(entries,), float64: what each adds up to without the place."""
    factor: Numbers
    """(entries,), float64: what each multiplies the place by."""
    others_size: Numbers
    """(entries,), float64: what the terms of `others` add up to without their signs."""
    width: int
    """Terms of a dot product."""
    numbers: float
    """What the numbers of all those rows add up to without their signs."""


def dot_sites(made: Operands) -> list[DotSite]:
    """Return places of the operands that non-zeros multiply, of one and the other in turn; none where there is no non-zero."""
    matrix = made.matrix
    if matrix.nnz == 0 or made.dense.shape[1] == 0:
        return []
    generator = torch.Generator().manual_seed(0)
    found = [_site(made, side, row, generator) for side in (0, 1) for row in _chosen(_side_of(matrix, side), generator)]
    # In turn, so that the few looks of a check are at both.
    turned = [site for pair in zip(found[: SITES // 2], found[SITES // 2 :], strict=True) for site in pair]
    return [site for site in turned if has_room(site.size, made.dense.dtype)]


def _side_of(matrix: Csr, side: int) -> Csr:
    """Return the matrix whose rows are those of an operand."""
    return matrix if side == 0 else matrix.transpose()


def _chosen(matrix: Csr, generator: torch.Generator) -> list[int]:
    """Return rows that have a non-zero: half of them by non-zeros, which finds hubs, and half by rows, which finds the others."""
    filled = matrix.row_nnz.nonzero()[:, 0]
    by_entry = matrix.transpose().col[_draw(matrix.nnz, SITES // 4, generator).to(matrix.device)].tolist()
    return [*by_entry, *filled[_draw(len(filled), SITES // 4, generator).to(matrix.device)].tolist()]


def _site(made: Operands, side: int, row: int, generator: torch.Generator) -> DotSite:
    entries, partners = _reached(made.matrix, side, row, generator)
    assert made.left is not None
    own, other = (made.left, made.dense) if side == 0 else (made.dense, made.left)
    fixed, multiplied = own[row].double(), other[partners].double()
    candidates = torch.randint(own.shape[1], (FEATURES,), generator=generator).to(own.device)
    column = int(candidates[multiplied[:, candidates].abs().amin(0).argmax()])
    terms, factor = fixed * multiplied, multiplied[:, column]
    others = terms.clone()
    others[:, column] = 0.0
    largest, sum_ = float(factor.abs().max()), float(terms.abs().sum())
    return DotSite(
        side=side,
        place=(row, column),
        old=float(own[row, column]),
        size=(sum_ / largest if largest > 0 else sum_) or 1.0,
        entries=numbers(entries),
        others=numbers(others.sum(1)),
        factor=numbers(factor),
        others_size=numbers(others.abs().sum(1)),
        width=own.shape[1],
        numbers=float(multiplied.abs().sum()) + float(fixed.abs().sum()),
    )


def _reached(matrix: Csr, side: int, row: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Return some non-zeros in a row, or of side 1 in a column, and their columns, or rows, (entries,), int64 each."""
    by_row = _side_of(matrix, side)
    start, end = int(by_row.rowptr[row]), int(by_row.rowptr[row + 1])
    places = torch.unique(start + _draw(end - start, RESULTS, generator)).to(matrix.device)
    partners = by_row.col[places].long()
    if side == 0:
        return places, partners
    partners = torch.unique(partners)
    return torch.tensor([_place(matrix, each, row) for each in partners.tolist()], device=matrix.device), partners


def _place(matrix: Csr, row: int, column: int) -> int:
    """Return where a non-zero stands."""
    start, end = int(matrix.rowptr[row]), int(matrix.rowptr[row + 1])
    return start + int((matrix.col[start:end] == column).nonzero()[0, 0])


def _draw(most: int, count: int, generator: torch.Generator) -> torch.Tensor:
    return torch.randint(most, (count,), generator=generator)
