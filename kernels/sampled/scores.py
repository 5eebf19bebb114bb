"""Scores column-row pairs: the norm of the pair's column times the norm of its dense row (RSC, section 3.1)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch

from rsc_bench.kernels.acceleration import with_numba, with_triton

_NUMBA = with_numba("sampled._scores_numba")

Score = Callable[[torch.Tensor], torch.Tensor]
"""Dense operand (pairs, width) -> scores (pairs,), float32, not negative."""


def prepare(column_norms: torch.Tensor) -> Score:
    """Return the score ``column_norms[i] * ||dense_i||_2`` in the way that is fastest on the norms' device.

    Args:
        column_norms: (pairs,), float32: Euclidean norms of the columns of the matrix that is really multiplied.
    """
    triton = with_triton("sampled._scores_triton", column_norms.device)
    if triton is not None:
        return partial(triton.score, column_norms)
    if _NUMBA is not None and column_norms.device.type == "cpu":
        return partial(_NUMBA.score, column_norms)
    return partial(score, column_norms)


def score(column_norms: torch.Tensor, dense: torch.Tensor) -> torch.Tensor:
    """Score with torch's own operations: on any device, and the reference."""
    norms: torch.Tensor = torch.linalg.vector_norm(dense.detach(), dim=1, dtype=torch.promote_types(dense.dtype, torch.float32))
    return column_norms * norms.float()
