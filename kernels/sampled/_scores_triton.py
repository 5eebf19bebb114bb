"""Scores on a GPU: the norms of the dense rows and their product with the columns' norms, in one reading of the operand."""

# mypy: disable-error-code="no-untyped-call,no-untyped-def,untyped-decorator"
# ruff: noqa: N803, PLR0913  (Triton names constants in capitals, and takes pointers one by one)

from __future__ import annotations

import torch
import triton
import triton.language as tl

_TILE = 2048
"""Elements of the dense operand that a program has in registers: 16 in each thread of 4 warps."""
_FEATURES = 256
"""Most features that it reads at once."""


def score(column_norms: torch.Tensor, dense: torch.Tensor) -> torch.Tensor:
    """Return ``column_norms[i] * ||dense_i||_2``, (pairs,) float32; sums are float32 whatever the dtype of `dense`."""
    pairs, width = dense.shape
    features = min(triton.next_power_of_2(max(width, 1)), _FEATURES)
    rows = max(_TILE // features, 1)
    scores = torch.empty_like(column_norms)
    if pairs:
        with torch.cuda.device_of(dense):
            weighted_norms[(triton.cdiv(pairs, rows),)](
                dense.detach(),
                column_norms,
                scores,
                pairs,
                WIDTH=width,
                ROWS=rows,
                FEATURES=features,
                num_warps=4,
                enable_fp_fusion=True,
            )
    return scores


@triton.jit
def weighted_norms(dense, norms, scores, pairs, WIDTH: tl.constexpr, ROWS: tl.constexpr, FEATURES: tl.constexpr):
    """Store ``norms[i] * ||dense_i||_2`` for `ROWS` rows of `WIDTH` features, `FEATURES` at a time."""
    row = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)
    total = tl.zeros((ROWS, FEATURES), tl.float32)
    for start in range(0, WIDTH, FEATURES):
        feature = start + tl.arange(0, FEATURES)
        inside = (row < pairs)[:, None] & (feature < WIDTH)[None, :]
        part = tl.load(dense + row[:, None] * WIDTH + feature[None, :], mask=inside, other=0).to(tl.float32)
        total += part * part
    norm = tl.sqrt(tl.sum(total, axis=1))
    tl.store(scores + row, norm * tl.load(norms + row, mask=row < pairs, other=0), mask=row < pairs)
