"""Chooses the places of an operand that are changed between calls, and works out what the rows that they reach must then be."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch

from rsc_bench.kernels import Csr, Reduce

SITES = 16
"""Places of the operand that are changed in turn."""
ROWS = 2
"""Rows that are looked at, of those that a changed entry reaches: the shortest of some."""
CANDIDATES = 16
"""Rows of which the shortest are chosen: what one is expected to be takes as long as it has entries."""
_ROOM, _NARROW = 1e6, 0.25
"""What an entry is changed by is so many times smaller than the largest number of its dtype, so that sums hold it; 16 times in
float16, which has no more room."""
Value = float | torch.Tensor
"""What stands in a place; on a GPU a tensor, (), float64, which nobody waits for."""
Numbers = Any
"""On a CPU a NumPy array, with cold caches a fifth of torch's time for each step; on a GPU a tensor."""


@dataclass(frozen=True, eq=False)
class Site:
    """A place of the operand, and the rows of the result that are looked at when it was changed."""

    place: tuple[int, int]
    """Row and column of the operand."""
    old: float
    """What stands there."""
    size: float
    """How large a change must be about: it is seen in what it reaches, beside the other terms, and not lost in rounding."""
    rows: Numbers
    """(rows,), int64: rows of the result."""
    entries: torch.Tensor
    """(entries,), int64: places in the matrix, of all entries in those rows."""
    columns: Numbers
    """(entries,), int64: columns of the matrix, of all entries in those rows."""
    parts: Numbers
    """(4 * rows, entries), float64: what each adds to a row of the result at the place's column, without those that multiply the
    place; of these what they multiply it by; and the sizes of both."""
    sums: Numbers
    """(4 * rows,), float64: of `parts` over all entries."""
    values: float
    """What the values of those entries add up to without their signs."""
    terms: tuple[torch.Tensor, torch.Tensor]
    """(rows, entries), float64, each: the first two of `parts`, NaN where an entry is not of the row or not of the sort."""
    reduce: Reduce = "sum"
    """What becomes of the terms of a row; never ``mean``, whose division is in the terms."""

    def extremum(self, value: Value, scale: float) -> Numbers:
        """Return what each row is where it has the largest or the smallest of its terms, (rows,), float64.

        With another sign, as a negative `scale` gives the operand, the largest term is the smallest.
        """
        others, factor = self.terms
        terms = torch.cat([others, factor * value], 1)
        if (self.reduce == "max") == (scale > 0):
            return numbers(terms.where(~terms.isnan(), -torch.inf).amax(1))
        return numbers(terms.where(~terms.isnan(), torch.inf).amin(1))


def numbers(tensor: torch.Tensor) -> Numbers:
    """Return a tensor as `Numbers`."""
    return tensor if tensor.is_cuda else tensor.numpy()


def sites(matrix: Csr, dense: torch.Tensor, reduce: Reduce = "sum") -> list[Site]:
    """Return places of `dense`, (columns, width), that entries of `matrix` multiply; none where it has none."""
    if matrix.nnz == 0 or dense.shape[1] == 0:
        return []
    generator = torch.Generator().manual_seed(0)

    def drawn(most: int, count: int) -> list[int]:
        return torch.randint(most, (count,), generator=generator).tolist()

    # Half of them by entries, which finds hubs, and half by columns, which finds the others.
    by_entry = matrix.col[drawn(matrix.nnz, SITES // 2)].tolist()
    filled = matrix.column_nnz.nonzero()[:, 0]
    by_column = filled[drawn(len(filled), SITES - SITES // 2)].tolist()
    places = zip(by_entry + by_column, drawn(dense.shape[1], SITES), strict=True)
    found = [replace(_site(matrix, dense, place, generator), reduce=reduce) for place in places]
    return [site for site in found if has_room(site.size, dense.dtype)]


def has_room(size: float, dtype: torch.dtype) -> bool:
    """Return whether a dtype holds sums of changes of a size."""
    largest: float = torch.finfo(dtype).max
    return bool(size <= largest / min(_ROOM, largest**_NARROW))


def _site(matrix: Csr, dense: torch.Tensor, place: tuple[int, int], generator: torch.Generator) -> Site:
    pair, column = place
    rows = _short_rows(matrix, pair, generator)
    spans = [torch.arange(int(matrix.rowptr[row]), int(matrix.rowptr[row + 1])) for row in rows.tolist()]
    entries = torch.cat(spans).to(matrix.device)
    owner = torch.repeat_interleave(torch.arange(len(rows)), torch.tensor([len(span) for span in spans])).to(matrix.device)
    columns = matrix.col[entries].long()
    values = _values(matrix, entries, rows[owner], columns)
    terms = values * dense[columns, column].double()
    by_row = owner == torch.arange(len(rows), device=owner.device)[:, None]
    others, factor = torch.where(columns == pair, 0.0, terms), torch.where(columns == pair, values, 0.0)
    parts = torch.cat([torch.where(by_row, each, 0.0) for each in (others, factor, others.abs(), factor.abs())])
    own = columns == pair
    separate = terms.where(by_row & ~own, torch.nan), values.where(by_row & own, torch.nan)
    return Site(
        place=place,
        old=float(dense[place]),
        size=_size(terms, values[columns == pair]),
        rows=numbers(rows),
        entries=entries,
        columns=numbers(columns),
        parts=numbers(parts),
        sums=numbers(parts.sum(1)),
        values=float(values.abs().sum()),
        terms=separate,
    )


def _short_rows(matrix: Csr, pair: int, generator: torch.Generator) -> torch.Tensor:
    """The shortest of some rows that a column-row pair reaches, (rows,), int64."""
    back = matrix.transpose()
    start, end = int(back.rowptr[pair]), int(back.rowptr[pair + 1])
    chosen = torch.randint(start, end, (CANDIDATES,), generator=generator)
    reached: torch.Tensor = torch.unique(back.col[chosen.to(matrix.device)].long())
    return reached[matrix.row_nnz[reached].argsort()[:ROWS]]


def _values(matrix: Csr, entries: torch.Tensor, rows: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
    """Values of some entries, which stand in those rows and columns, float64: not made for all.

    Products of factors are rounded to float32, which is what every kernel is given that reads values.
    """
    if matrix.entries is not None:
        return matrix.entries[entries].double()
    value = torch.ones(len(entries), dtype=torch.float64, device=matrix.device)
    if matrix.scaling is not None and matrix.scaling.rows is not None:
        value = value * matrix.scaling.rows[rows].double()
    if matrix.scaling is not None and matrix.scaling.columns is not None:
        value = value * matrix.scaling.columns[columns].double()
    return value.float().double()


def _size(terms: torch.Tensor, values: torch.Tensor) -> float:
    """What a change of a place must be about, so that it is as large in the rows that it reaches as all their terms together."""
    largest, sum_ = float(values.abs().max()), float(terms.abs().sum())
    return (sum_ / largest if largest > 0 else sum_) or 1.0
