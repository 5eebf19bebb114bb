"""Kernels that can less than ours."""

from dataclasses import replace

import torch

from rsc_bench.kernels import Unsupported
from rsc_bench.kernels.exact import torch_reduce


def _prepare(matrix, width, dtype, reduce="sum"):
    if dtype is not torch.float32:
        raise Unsupported(f"single multiplies float32 (got {dtype})")
    return torch_reduce.KERNEL.prepare(matrix, width, dtype, reduce)


SINGLE = replace(torch_reduce.KERNEL, name="single", prepare=_prepare)
"""Multiplies float32 alone."""
