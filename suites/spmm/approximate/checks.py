"""Holds a result to what an approximation says that it multiplied; where it says nothing, to being numbers."""

from __future__ import annotations

import numpy as np
import torch

from rsc_bench.harness.measure.work import Wrong
from rsc_bench.kernels import Csr
from rsc_bench.kernels.sampled.approximate import Own
from rsc_bench.precision import Precision
from rsc_bench.suites.spmm.checks import check_values, sizes
from rsc_bench.suites.spmm.operands import Operands
from rsc_bench.suites.spmm.reference import product64, relative_error

ALIKE = 10.0
"""How many times as far from the exact product one result may be as another: of two draws, but not of what is in memory."""


def check_promise(result: torch.Tensor, own: Own, made: Operands, precision: Precision) -> tuple[float | None, int | None]:
    """Return the error against the product of what was kept, and its non-zeros; None of what the approximation does not say.

    Raises `Wrong` where the result is not that product, and where it has numbers that are none.
    """
    kept = own.kept
    if not bool(torch.isfinite(result).all()):
        raise Wrong(f"result must be of finite numbers ({int((~torch.isfinite(result)).sum()):,} are not)")
    if not isinstance(kept, Csr):
        return None, kept
    wanted = product64(kept, made.dense)
    most = precision.tolerance(sizes(kept, made.dense, wanted), str(made.dense.dtype).removeprefix("torch."))
    try:
        return check_values(result, wanted, most), kept.nnz
    except Wrong as error:
        raise Wrong(f"result must be the product of what `kept` has: {error}") from None


def check_alike(first: torch.Tensor, second: torch.Tensor, exact: np.ndarray) -> None:
    """Raise `Wrong` where one of two results is far worse than the other: it was not written everywhere."""
    errors = [relative_error(each, exact) for each in (first, second)]
    if not max(errors) <= ALIKE * max(min(errors), 1e-3):  # written so that NaN does not pass
        raise Wrong(f"results of two calls must be about as exact (got errors of {errors[0]:.3g} and {errors[1]:.3g})")
