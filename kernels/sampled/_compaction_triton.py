"""Compaction on a GPU: a flag a non-zero, a count of the flags, and a gather; the host waits for none of it.

Programs own equal runs of non-zeros rather than rows, so a hub costs what its non-zeros cost. Flags are packed into words: the
mask of the pairs then fits the first-level cache, and the new row offsets come from counting ones, not from a third reading of
the columns.
"""

from __future__ import annotations

from functools import cached_property

import torch
import triton

from rsc_bench.kernels.csr import Csr, Scaling
from rsc_bench.kernels.sampled._compaction_triton_source import flag, gather, locate, pack
from rsc_bench.kernels.sampled.diagonal import on_diagonal
from rsc_bench.kernels.sampled.selections import Kept

_LANES = 32
"""Flags in a word."""
_WORDS = 32
"""Words that a program owns."""
_BLOCK = _LANES * _WORDS
_ROWS = 32
"""Rows of the result whose offsets one program finds."""
_OPTIONS = {"num_warps": 4, "enable_fp_fusion": True}
"""Of every launch. Triton 3.9 warns where fusing multiplies and adds, its default, is not asked for by name."""
_ROUND = 1024
"""Room for non-zeros comes in multiples of this: a new bound is then seldom a new size to the allocator."""


class Compaction:
    """Drops columns of one matrix; keeps a bit a non-zero where the diagonal stays whatever is dropped."""

    def __init__(self, matrix: Csr, whole_diagonal: bool = False, separable: bool = False) -> None:
        """Compile for `matrix`.

        Args:
            matrix: what columns are dropped from; as many non-zeros as its `col` has entries.
            whole_diagonal: every entry on the diagonal stays, and stays what it is, whatever is dropped and scaled.
            separable: results have a scaling in place of values where that can be.
        """
        self._matrix = matrix
        self._blocks = triton.cdiv(matrix.nnz, _BLOCK)
        self._separable = separable and matrix.entries is None
        places = on_diagonal(matrix).nonzero().squeeze(1) if whole_diagonal else None
        self._always = None if places is None else _flags_at(places, self._blocks * _WORDS)
        self._diagonal_nnz = 0 if places is None else len(places)
        self(Kept(torch.zeros(matrix.shape[1], dtype=torch.bool, device=matrix.device)))

    def __call__(self, kept: Kept) -> Csr:
        """Return ``matrix @ diag(kept.weights)`` without the dropped entries, a bounded matrix: what follows its last is 0."""
        with torch.cuda.device_of(kept.mask):  # type: ignore[no-untyped-call]
            return self._compacted(kept)

    def _compacted(self, kept: Kept) -> Csr:
        flags, starts = self._flag(_packed(kept.mask))
        rowptr = self._locate(flags, starts)
        # An entry that stays unscaled in a scaled column is a value that no factor a column makes.
        separable = self._separable and (kept.scale is None or self._always is None)
        weights = (None, None) if separable else (self._value, kept.scale)
        col, entries = self._gather(weights, flags, starts, self._bound(kept.most_nnz))
        scaling = self._scaling(kept.scale) if separable else None
        return Csr.trusted(rowptr, col, entries, self._matrix.shape, self._matrix.name, scaling, bounded=True)

    @cached_property
    def _value(self) -> torch.Tensor | None:
        """(nnz,): what is gathered from at each selection; made when first needed, in general when this is, and kept."""
        return self._matrix.value

    def _scaling(self, scale: torch.Tensor | None) -> Scaling | None:
        whole = self._matrix.scaling
        return whole if scale is None else (whole or Scaling()).by_columns(scale)

    def _bound(self, most_nnz: int | None) -> int:
        most = self._matrix.nnz if most_nnz is None else most_nnz + self._diagonal_nnz
        return min(-(-most // _ROUND) * _ROUND, self._matrix.nnz)

    def _flag(self, pairs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the words of flags of all non-zeros, and how many are kept before each program's run of them."""
        flags = torch.empty(self._blocks * _WORDS, dtype=torch.int32, device=pairs.device)
        if not self._blocks:
            return flags, torch.zeros(1, dtype=torch.int64, device=pairs.device)
        counts = torch.empty(self._blocks + 1, dtype=torch.int64, device=pairs.device)
        flag[(self._blocks,)](
            self._matrix.col, pairs, self._always, flags, counts, self._matrix.nnz, LANES=_LANES, WORDS=_WORDS, **_OPTIONS
        )
        return flags, counts.cumsum(0)

    def _locate(self, flags: torch.Tensor, starts: torch.Tensor) -> torch.Tensor:
        rowptr = torch.empty_like(self._matrix.rowptr)
        grid = (triton.cdiv(len(rowptr), _ROWS),)
        locate[grid](self._matrix.rowptr, flags, starts, rowptr, len(rowptr), LANES=_LANES, WORDS=_WORDS, ROWS=_ROWS, **_OPTIONS)
        return rowptr

    def _gather(
        self, weights: tuple[torch.Tensor | None, torch.Tensor | None], flags: torch.Tensor, starts: torch.Tensor, bound: int
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Return column and value (of `weights`: a value a non-zero, a scale a pair) of what is kept, and zeros behind it."""
        col = torch.empty(bound, dtype=torch.int32, device=flags.device)
        value = torch.empty(bound, device=flags.device) if any(part is not None for part in weights) else None
        if self._blocks:
            gather[(self._blocks,)](
                self._matrix.col, *weights, flags, self._always, starts, col, value, bound, LANES=_LANES, WORDS=_WORDS, **_OPTIONS
            )
        return col, value


def _flags_at(places: torch.Tensor, words: int) -> torch.Tensor:
    """Return words of flags with a one at each of the places, which differ: so adding ones sets them."""
    ones = torch.ones_like(places, dtype=torch.int32) << (places % _LANES).int()
    return torch.zeros(words, dtype=torch.int32, device=places.device).index_add_(0, places // _LANES, ones)


def _packed(mask: torch.Tensor) -> torch.Tensor:
    """Return the mask of the pairs, (pairs,) bool, as words of flags."""
    blocks = triton.cdiv(len(mask), _BLOCK)
    words = torch.empty(blocks * _WORDS, dtype=torch.int32, device=mask.device)
    if blocks:
        pack[(blocks,)](mask.view(torch.int8), words, len(mask), LANES=_LANES, WORDS=_WORDS, **_OPTIONS)
    return words
