"""Changes a few entries of both operands of SDDMM between calls, and looks at dot products that they reach."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from rsc_bench.precision import Precision
from rsc_bench.suites.spmm.checks import check_type
from rsc_bench.suites.spmm.dots.sites import DotSite
from rsc_bench.suites.spmm.operands import Operands
from rsc_bench.suites.spmm.probe import NOTICED, Places, ProductProbe, float64
from rsc_bench.suites.spmm.sites import Value


class DotsProbe(ProductProbe):
    """Calls a kernel with operands that are a little different each time; renewed, both are other ones throughout."""

    def __init__(
        self,
        call: Callable[[], torch.Tensor],
        operands: tuple[Operands, Operands],
        sites: list[DotSite],
        precision: Precision | None = None,
    ) -> None:
        """Begin.

        Args:
            call: computes the dot products.
            operands: what it computes them of, which is changed and put back each time, and what that is put back to.
            sites: where; none: nothing is changed.
            precision: the class of the kernel; None: that of the operands' dtype.
        """
        given, original = operands
        places: list[Any] = [*sites]
        super().__init__(call, given.dense, places, None, original.dense, precision)
        assert given.left is not None
        assert original.left is not None
        self._left, self._left_original = given.left, original.left
        self._sides = (Places(given.left), self._places)

    def _of(self, site: Any) -> Places:
        return self._sides[site.side]

    def _times(self, factor: float) -> None:
        super()._times(factor)
        self._left.mul_(factor)
        self._scale *= factor

    def restore(self) -> None:
        """Look at the last result, and put both operands back."""
        try:
            super().restore()
        finally:
            self._left.copy_(self._left_original)

    def _compare(self, site: Any, result: torch.Tensor, value: Value, scale: float = 1.0) -> None:
        check_type(result)
        wanted = site.others + site.factor * value
        magnitude = site.others_size + abs(site.factor) * abs(value)
        found = float64(result, site.entries) / scale
        most = self._precision.bound(site.width, self._stored) * magnitude + site.width * self._tiny
        if self._smallest > NOTICED:
            most = most + self._smallest * (1 + site.numbers) / abs(scale)
        # Written so that NaN does not pass.
        self._bad = self._bad + (~(abs(found - wanted) <= most)).any()
        self._looks += 1
