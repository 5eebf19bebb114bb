"""Changes the operand of an approximation between calls, and looks at rows of what it says that it multiplied."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from rsc_bench.harness.measure.work import Wrong
from rsc_bench.kernels import Csr
from rsc_bench.kernels.sampled.approximate import Own
from rsc_bench.precision import Precision
from rsc_bench.suites.spmm.checks import check_type
from rsc_bench.suites.spmm.probe import ProductProbe
from rsc_bench.suites.spmm.sites import Site, Value


@dataclass(frozen=True, eq=False)
class Looked:
    """What an approximation is looked at by."""

    own: Own
    sites: list[Site]
    """Places of the operand that are changed between calls."""
    original: torch.Tensor
    """(columns, width): what the operand is put back to."""
    exact: np.ndarray
    """The whole product in float64, of the operand as it is."""
    precision: Precision


class ApproximateProbe(ProductProbe):
    """Looks at the rows of the matrix that was kept; where none is known, at whether a result turns with its operand."""

    def __init__(self, call: Callable[[], torch.Tensor], operand: torch.Tensor, looked: Looked) -> None:
        """Begin; `call` computes the product of `operand`, which is changed and put back each time."""
        sites = looked.sites if isinstance(looked.own.kept, Csr) else []
        super().__init__(call, operand, sites, None, looked.original, looked.precision)
        self._own, self._exact = looked.own, torch.from_numpy(looked.exact)

    def renew(self) -> bool:
        """Change every entry, so that the product is another one throughout."""
        if not self._exact.any():
            return False
        self._times(self.TURNED)
        return True

    def restore(self) -> None:
        """Raise `Wrong` where the last result points away from the product of its operand, and put the operand back."""
        result, self._result = self._result, None
        scale, self._scale = self._scale, 1.0
        expected = self._original.clone()
        for factor in self._factors:  # one after the other: small numbers of float16 are rounded each time
            expected.mul_(factor)
        self._factors = []
        changed = not torch.equal(self._operand, expected)
        self._operand.copy_(self._original)
        if changed:
            raise Wrong("changed its operand (the dense one)")
        self.judge()
        if result is not None and float((result.double().cpu() * self._exact).sum()) * scale < 0:
            raise Wrong("result must follow its operand in every call: multiplied by -0.5, it gave what it gave before")

    def _compare(self, site: Site, result: torch.Tensor, value: Value, scale: float = 1.0) -> None:
        """Compare with the rows of the kept matrix; the operand has the changed value now."""
        del value, scale
        check_type(result)
        kept = self._own.kept
        if not isinstance(kept, Csr):
            return
        column = site.place[1]
        for row in site.rows.tolist():
            span = slice(int(kept.rowptr[row]), int(kept.rowptr[row + 1]))
            values = torch.ones(1) if kept.all_ones else self._values(kept)[span]
            terms = values.to(self._operand.device).double() * self._operand[kept.col[span].long(), column].double()
            share = self._precision.bound(len(terms), self._stored)
            most = share * terms.abs().sum() + len(terms) * torch.finfo(self._operand.dtype).tiny
            dense = self._operand[kept.col[span].long(), column].double().abs().sum()
            most = most + self._smallest * (dense + values.double().abs().sum())
            # Written so that NaN does not pass.
            self._bad = self._bad + ~((result[row, column].double() - terms.sum()).abs() <= most)
        self._looks += 1

    def _values(self, kept: Csr) -> torch.Tensor:
        value = kept.value
        assert value is not None
        return value
