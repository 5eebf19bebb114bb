"""Says how far the dot products of a right kernel may be from those of float64."""

from __future__ import annotations

import numpy as np
import torch

from rsc_bench.kernels import Kernel
from rsc_bench.kernels.checked import word
from rsc_bench.precision import Sizes
from rsc_bench.suites.spmm.checks import root_mean_square
from rsc_bench.suites.spmm.operands import Operands


def dots_tolerance(kernel: Kernel, made: Operands, wanted: np.ndarray) -> float:
    """Return the largest relative error that a right kernel may have with all dot products together.

    A sum is as long as the width is; in the place of a product's values stand the numbers of the left operand.
    """
    assert made.left is not None
    sizes = Sizes(
        longest_row=made.dense.shape[1],
        value=root_mean_square(made.left),
        dense=root_mean_square(made.dense),
        result=root_mean_square(torch.from_numpy(wanted)),
    )
    return kernel.computes_in(made.dense.dtype).tolerance(sizes, word(made.dense.dtype))
