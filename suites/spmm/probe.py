"""Changes a few entries of a product's operand between calls, and looks at rows of the results that they reach.

A kernel that returns what it computed before, or that is wrong in a later call, is found so. Only some entries and rows are
touched, some kilobytes, so that the caches are left to the kernel (docs/how-it-works/true-numbers.md: times with and without).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from rsc_bench.harness.measure.spending import SPENDING
from rsc_bench.harness.measure.work import Wrong
from rsc_bench.harness.records.measurement import KERNEL
from rsc_bench.kernels import Csr, Reduce
from rsc_bench.kernels.checked import word
from rsc_bench.kernels.contract import EXTREMA
from rsc_bench.kernels.sampled.compose import SampledMultiply
from rsc_bench.kernels.sampled.selections import Edges, Kept
from rsc_bench.precision import PRECISIONS, Precision
from rsc_bench.suites.spmm.checks import check_type

SITES = 16
"""Places of the operand that are changed in turn."""
ROWS = 2
"""Rows that are looked at, of those that a changed entry reaches: the shortest of some."""
CANDIDATES = 16
"""Rows of which the shortest are chosen: what one is expected to be takes as long as it has entries."""
_GOLDEN = 0.381966
"""Steps of such a share of a whole go nowhere twice: a kernel that knows the results of some operands by heart meets others."""
_FACTOR = -0.5
"""What the whole operand is multiplied by: a power of two, so that nothing is rounded."""
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
            return _numbers(terms.where(~terms.isnan(), -torch.inf).amax(1))
        return _numbers(terms.where(~terms.isnan(), torch.inf).amin(1))


class ProductProbe:
    """Calls a product with an operand that is a little different each time, and looks at what that changes."""

    TURNED = _FACTOR

    def __init__(  # noqa: PLR0913
        self,
        call: Callable[[], torch.Tensor],
        operand: torch.Tensor,
        sites: list[Site],
        sampled: SampledMultiply | None,
        original: torch.Tensor,
        precision: Precision | None = None,
    ) -> None:
        """Begin.

        Args:
            call: computes the product of `operand`.
            operand: (columns, width): what is changed, and put back each time.
            sites: where; none: nothing is changed.
            sampled: what chose the pairs that the last call multiplied; None: it multiplied all.
            original: what the operand is put back to.
            precision: the class of the kernel, which says how far a sum may be from its value; None: that of the operand's dtype.
        """
        self._original, self._scale = original, 1.0
        self._stored = word(operand.dtype)
        self._precision = precision or PRECISIONS[self._stored]
        self._call, self._operand, self._sites, self._sampled = call, operand, sites, sampled
        # A write through NumPy takes a tenth of torch's time, and leaves the caches of a short call alone.
        self._array = operand.numpy() if operand.device.type == "cpu" and operand.dtype is not torch.bfloat16 else None
        self._result: torch.Tensor | None = None
        self._turn = -1
        # From another place on in each case: the next round would begin with the operands of this one.
        self._draws = int.from_bytes(os.urandom(3))
        self._value: Value | None = None
        self._looks = 0
        self._tiny = torch.finfo(operand.dtype).tiny
        self._bad: int | torch.Tensor = 0
        """Looks that found something else than they must; on a GPU a tensor, which nobody waits for."""

    def __call__(self) -> torch.Tensor:
        """Return the product; the one before is let go first, so that there are never two."""
        self._result = None
        self._result = self._call()
        return self._result

    def change(self) -> None:
        """Change the next place."""
        if not self._sites:
            return
        self._turn += 1
        self._value = self._changed(self._sites[self._turn % len(self._sites)])

    def look(self) -> None:
        """Compare what the changed place reaches of the last result, and put the place back."""
        if self._value is None or self._result is None:
            return
        site = self._sites[self._turn % len(self._sites)]
        self._compare(site, self._result, self._value)
        if self._sampled is not None and self._sampled.sampling.interval > 1:
            self._look_within_a_period(site)
        self._write(site.place, site.old)
        self._value = None

    def judge(self) -> None:
        """Raise `Wrong` where a result that was looked at did not belong to its operand."""
        bad = int(self._bad)
        if bad:
            raise Wrong(
                f"result must follow its operand in every call: in {bad} of {self._looks} looks at rows that a changed entry "
                "reaches it did not (an earlier result, or a wrong one)"
            )

    def renew(self) -> bool:
        """Change every entry, so that the product is another one throughout; return whether there is a product."""
        if not self._sites:
            return False
        self._times(_FACTOR)
        return True

    def rewrite(self) -> None:
        """Write every entry as `renew` does, so that the product stays what it is."""
        self._times(_FACTOR)
        self._times(1 / _FACTOR)

    def restore(self) -> None:
        """Look at the last result, and put the operand back."""
        if self._sites and self._result is not None:
            self._compare(self._sites[0], self._result, self._sites[0].old, self._scale)
        self._result = None
        self._operand.copy_(self._original)
        self._scale = 1.0
        self.judge()

    def _times(self, factor: float) -> None:
        self._operand.mul_(factor)
        self._scale *= factor

    def _changed(self, site: Site) -> Value:
        """Write another value into a place, one that was not there before, and return it as it stands there."""
        self._draws += 1
        share = (0.5 + self._draws * _GOLDEN % 0.5) * (-1) ** (self._draws // SITES)
        self._write(site.place, site.old + share * site.size)
        if self._array is not None:
            return float(self._array[site.place])
        stands = self._operand[site.place].double()
        return stands if stands.is_cuda else float(stands)

    def _write(self, place: tuple[int, int], value: float) -> None:
        if self._array is None:
            self._operand[place] = value
        else:
            self._array[place] = value

    def _look_within_a_period(self, site: Site) -> None:
        """Look at one more multiply over the pairs that are chosen: those of a period come behind one selection."""
        assert self._sampled is not None
        value = self._changed(site)
        self._result = None
        with SPENDING.on(KERNEL):
            self._result = self._sampled.multiply(self._operand)
        self._compare(site, self._result, value)

    def _compare(self, site: Site, result: torch.Tensor, value: Value, scale: float = 1.0) -> None:
        check_type(result)
        sums = site.sums
        if self._sampled is not None:
            sums = site.parts @ _weights(self._sampled.chosen, site)
        if site.reduce in EXTREMA:
            wanted = site.extremum(value, scale)
            magnitude = abs(wanted)
        else:
            others, factor, others_size, factor_size = sums.reshape(4, -1)
            # Not the change added to what was there: where both are of one size, nothing but its rounding would be left.
            wanted, magnitude = others + factor * value, others_size + factor_size * abs(value)
        found = _float64(result, (site.rows, site.place[1])) / scale
        # Terms that are too small for the dtype are 0 on some hardware.
        share = self._precision.bound(len(site.columns), self._stored)
        most = share * magnitude + len(site.columns) * self._tiny
        # Written so that NaN does not pass.
        self._bad = self._bad + (~(abs(found - wanted) <= most)).any()
        self._looks += 1


def _weights(chosen: Kept | Edges, site: Site) -> Numbers:
    """What the entries of a site count for, (entries,), float64."""
    if isinstance(chosen, Edges):
        return _numbers(chosen.weights_of(site.entries, site.entries).double())  # of edges their columns say nothing
    # Not its `weights`, which are made of all pairs.
    return _float64(chosen.mask if chosen.scale is None else chosen.scale, site.columns)


def _float64(tensor: torch.Tensor, places: Any) -> Numbers:
    """Entries of a tensor."""
    if tensor.is_cuda or tensor.dtype is torch.bfloat16:  # of which NumPy knows nothing
        return _numbers(tensor[places].double())
    return tensor.numpy()[places].astype(np.float64)


def _numbers(tensor: torch.Tensor) -> Numbers:
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
    largest = torch.finfo(dense.dtype).max
    return [site for site in found if site.size <= largest / min(_ROOM, largest**_NARROW)]


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
        rows=_numbers(rows),
        entries=entries,
        columns=_numbers(columns),
        parts=_numbers(parts),
        sums=_numbers(parts.sum(1)),
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
    """Values of some entries, which stand in those rows and columns, float64: not made for all."""
    if matrix.entries is not None:
        return matrix.entries[entries].double()
    value = torch.ones(len(entries), dtype=torch.float64, device=matrix.device)
    if matrix.scaling is not None and matrix.scaling.rows is not None:
        value = value * matrix.scaling.rows[rows].double()
    if matrix.scaling is not None and matrix.scaling.columns is not None:
        value = value * matrix.scaling.columns[columns].double()
    return value


def _size(terms: torch.Tensor, values: torch.Tensor) -> float:
    """What a change of a place must be about, so that it is as large in the rows that it reaches as all their terms together."""
    largest, sum_ = float(values.abs().max()), float(terms.abs().sum())
    return (sum_ / largest if largest > 0 else sum_) or 1.0
