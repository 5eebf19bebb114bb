"""Chooses as many non-zeros of each row as a budget pays for, in places that a selection of edges says."""

from __future__ import annotations

from collections.abc import Callable

import torch

from rsc_bench.kernels.csr import Csr
from rsc_bench.kernels.sampled.selections import Edges, most_a_row

Within = Callable[..., torch.Tensor]
"""(number among those kept of its row, non-zeros of the row, those kept, and what else is given) -> places within the rows; (kept,)
int64 each."""


def kept_a_row(row_nnz: torch.Tensor, most_nnz: int) -> torch.Tensor:
    """Return how many non-zeros each row keeps, (rows,), int64: all of a short one, K of a longer one.

    What is left of `most_nnz` is one more for some of the longer rows, evenly over all of them.
    """
    most = most_a_row(row_nnz, most_nnz)
    kept = row_nnz.clamp(max=most)
    longer = (row_nnz > most).nonzero()[:, 0]
    rest = min(most_nnz - int(kept.sum()), len(longer))
    if rest > 0:
        kept[longer[torch.arange(rest, device=kept.device) * len(longer) // rest]] += 1
    return kept


def by_rows(matrix: Csr, most_nnz: int, within: Within) -> Callable[..., Edges]:
    """Return what chooses `kept_a_row` of each row, in the places that `within` gives, ascending in each row.

    What it returns hands what it is called with on to `within`, behind its arguments.
    """
    kept = kept_a_row(matrix.row_nnz, most_nnz)
    row = torch.repeat_interleave(torch.arange(len(kept), device=kept.device), kept)
    number = torch.arange(len(row), device=kept.device) - (kept.cumsum(0) - kept)[row]
    start, length, share = matrix.rowptr.long()[row], matrix.row_nnz[row], kept[row]

    def choose(*given: torch.Tensor) -> Edges:
        return Edges(start + within(number, length, share, *(each[row] for each in given)))

    return choose
