"""Cuts the rows of a matrix into pieces of bounded work, on the matrix's own device and without asking it anything."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import triton

from rsc_bench.kernels.csr import Csr
from rsc_bench.kernels.exact._rows_triton.source import count_pieces, place_pieces

SHORT = 16
"""Non-zeros up to which a row is summed together with its neighbours: fewer do not fill a block of a piece."""
_ROWS_PER_PROGRAM = 128


@dataclass(frozen=True, eq=False)
class Pieces:
    """Rows of more than `SHORT` non-zeros, in pieces of at most `chunk`; only a row of several pieces is joined afterwards."""

    begins: torch.Tensor
    """(pieces or more,): where each piece begins among the non-zeros."""
    ends: torch.Tensor
    """(pieces or more,): where it ends."""
    rows: torch.Tensor
    """(pieces or more,), int32: the row that it belongs to."""
    slots: torch.Tensor
    """(pieces or more,), int32: its place among the partial sums, -1 where the piece is all of the row."""
    joined_rows: torch.Tensor
    """(joins or more,), int32: the rows of several pieces."""
    first_slots: torch.Tensor
    """(joins or more,), int32: the slot of each such row's first piece; the others follow."""
    counts: torch.Tensor
    """(3,), int32: how many pieces, slots and joins there are; programs behind them end at once."""
    slot_bound: int
    """Most slots that there can be."""
    chunk: int
    """Most non-zeros of a piece."""

    @classmethod
    def cut(cls, matrix: Csr, chunk: int) -> Pieces:
        """Return the pieces of `matrix`, which must have rows; the tables of a bounded matrix have room for its bound."""
        last = _last(matrix, chunk)
        bounds = _bounds(matrix, chunk) if matrix.bounded else last[:, -1].tolist()
        made = cls(**_tables(matrix, bounds), counts=last[:, -1].contiguous(), slot_bound=bounds[1], chunk=chunk)
        if bounds[0]:
            tables = made.begins, made.ends, made.rows, made.slots, made.joined_rows, made.first_slots
            with torch.cuda.device_of(last):  # type: ignore[no-untyped-call]
                place_pieces[_grid(matrix)](matrix.rowptr, *last, *tables, matrix.shape[0], SHORT, chunk, _ROWS_PER_PROGRAM)
        return made


def _last(matrix: Csr, chunk: int) -> torch.Tensor:
    """Return how many pieces, slots and joins there are up to each row and with it, (3, rows), int32."""
    last = torch.empty(3, matrix.shape[0], dtype=torch.int32, device=matrix.device)
    with torch.cuda.device_of(last):  # type: ignore[no-untyped-call]
        count_pieces[_grid(matrix)](matrix.rowptr, *last, matrix.shape[0], SHORT, chunk, _ROWS_PER_PROGRAM)
    for counts in last:  # one at a time: along a row of a matrix torch sums with one block of threads, a vector with all
        counts.cumsum_(0)
    return last


def _grid(matrix: Csr) -> tuple[int]:
    return (triton.cdiv(matrix.shape[0], _ROWS_PER_PROGRAM),)


def _bounds(matrix: Csr, chunk: int) -> list[int]:
    """Return the most pieces, slots and joins that any rows of these numbers can come to."""
    whole = matrix.nnz // chunk
    joins = min(matrix.shape[0], matrix.nnz // (chunk + 1))
    return [min(matrix.shape[0], matrix.nnz // (SHORT + 1)) + whole, joins + whole, joins]


def _tables(matrix: Csr, bounds: list[int]) -> dict[str, torch.Tensor]:
    pieces, _, joins = bounds
    offset, number = matrix.rowptr.dtype, torch.int32
    sizes = {"begins": (pieces, offset), "ends": (pieces, offset), "rows": (pieces, number), "slots": (pieces, number)}
    sizes |= {"joined_rows": (joins, number), "first_slots": (joins, number)}
    return {name: torch.empty(size, dtype=dtype, device=matrix.device) for name, (size, dtype) in sizes.items()}
