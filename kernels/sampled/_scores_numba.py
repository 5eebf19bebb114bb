"""Scores on a CPU, in the threads that compact and multiply next.

torch's threads spin for about a millisecond after a parallel operation, on the cores that the kernel is about to need.
"""

from __future__ import annotations

import numba
import numpy as np
import torch


def score(column_norms: torch.Tensor, dense: torch.Tensor) -> torch.Tensor:
    """Return ``column_norms[i] * ||dense_i||_2``, (pairs,) float32."""
    return torch.from_numpy(_scores(column_norms.numpy(), dense.detach().float().numpy()))


@numba.njit(
    numba.float32[::1](numba.float32[::1], numba.float32[:, ::1]),
    parallel=True,
    cache=True,
    fastmath={"reassoc", "contract"},  # lets the sum of squares use vector lanes; NaN and infinity keep their meaning
)
def _scores(norms, dense):  # type: ignore[no-untyped-def]
    scores = np.empty(len(norms), np.float32)
    for row in numba.prange(len(norms)):
        total = np.float32(0)
        for feature in range(dense.shape[1]):
            total += dense[row, feature] * dense[row, feature]
        scores[row] = norms[row] * np.sqrt(total)
    return scores
