"""Changes a few entries of a product's operand between calls, and looks at rows of the results that they reach.

A kernel that returns what it computed before, or that is wrong in a later call, is found so. Only some entries and rows are
touched, some kilobytes, so that the caches are left to the kernel (docs/how-it-works/true-numbers.md: times with and without).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from rsc_bench.harness.measure.spending import SPENDING
from rsc_bench.harness.measure.work import Wrong
from rsc_bench.harness.records.measurement import KERNEL
from rsc_bench.kernels.checked import word
from rsc_bench.kernels.contract import EXTREMA
from rsc_bench.kernels.sampled.compose import SampledMultiply
from rsc_bench.kernels.sampled.selections import Edges, Kept
from rsc_bench.precision import FORMATS, PRECISIONS, Precision
from rsc_bench.suites.spmm.checks import check_type
from rsc_bench.suites.spmm.sites import SITES, Numbers, Site, Value, numbers

_GOLDEN = 0.381966
"""Steps of such a share of a whole go nowhere twice: a kernel that knows the results of some operands by heart meets others."""
_FACTOR = -0.5
"""What the whole operand is multiplied by: a power of two, so that nothing is rounded."""
NOTICED = 1e-30
"""Numbers that a format cannot tell from 0 matter where they are larger than this, as float16's are."""


class Places:
    """The numbers of an operand, one of which is written at a time."""

    def __init__(self, operand: torch.Tensor) -> None:
        self._operand = operand
        # A write through NumPy takes a tenth of torch's time, and leaves the caches of a short call alone.
        self._array = operand.numpy() if operand.device.type == "cpu" and operand.dtype is not torch.bfloat16 else None

    def read(self, place: tuple[int, int]) -> Value:
        """Return what stands in a place."""
        if self._array is not None:
            return float(self._array[place])
        stands = self._operand[place].double()
        return stands if stands.is_cuda else float(stands)

    def write(self, place: tuple[int, int], value: float) -> None:
        """Put a number into a place."""
        if self._array is None:
            self._operand[place] = value
        else:
            self._array[place] = value


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
        self._factors: list[float] = []
        """What the whole operand was multiplied by, one after the other."""
        self._stored = word(operand.dtype)
        self._precision = precision or PRECISIONS[self._stored]
        self._smallest = FORMATS[self._precision.factors].smallest
        self._call, self._operand, self._sites, self._sampled = call, operand, sites, sampled
        self._places = Places(operand)
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
        self._write(site, site.old)
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
        self._scale, self._factors = 1.0, []
        self.judge()

    def _times(self, factor: float) -> None:
        self._operand.mul_(factor)
        self._scale *= factor
        self._factors.append(factor)

    def _changed(self, site: Site) -> Value:
        """Write another value into a place, one that was not there before, and return it as it stands there."""
        self._draws += 1
        share = (0.5 + self._draws * _GOLDEN % 0.5) * (-1) ** (self._draws // SITES)
        self._write(site, site.old + share * site.size)
        return self._of(site).read(site.place)

    def _of(self, site: Site) -> Places:
        """Return the operand that a place is in."""
        del site
        return self._places

    def _write(self, site: Site, value: float) -> None:
        self._of(site).write(site.place, value)

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
        found = float64(result, (site.rows, site.place[1])) / scale
        # Terms that are too small for the dtype are 0 on some hardware.
        share = self._precision.bound(len(site.columns), self._stored)
        most = share * magnitude + len(site.columns) * self._tiny
        if self._smallest > NOTICED:
            dense = float(numbers(self._operand[site.columns, site.place[1]].double().abs().sum()))
            most = most + self._smallest * (dense + site.values) / abs(scale)
        # Written so that NaN does not pass.
        self._bad = self._bad + (~(abs(found - wanted) <= most)).any()
        self._looks += 1


def _weights(chosen: Kept | Edges, site: Site) -> Numbers:
    """What the entries of a site count for, (entries,), float64."""
    if isinstance(chosen, Edges):
        return numbers(chosen.weights_of(site.entries, site.entries).double())  # of edges their columns say nothing
    # Not its `weights`, which are made of all pairs.
    return float64(chosen.mask if chosen.scale is None else chosen.scale, site.columns)


def float64(tensor: torch.Tensor, places: Any) -> Numbers:
    """Return entries of a tensor in float64, where a site has its numbers."""
    if tensor.is_cuda or tensor.dtype is torch.bfloat16:  # of which NumPy knows nothing
        return numbers(tensor[places].double())
    return tensor.numpy()[places].astype(np.float64)
