"""One matrix prepared for `rows_triton`: what its Triton code is launched with, for each dense operand."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
import triton

from rsc_bench.kernels.contract import Reduce
from rsc_bench.kernels.csr import Csr, Scaling
from rsc_bench.kernels.exact._rows_triton import source
from rsc_bench.kernels.exact._rows_triton.pieces import SHORT, Pieces
from rsc_bench.kernels.exact._rows_triton.settings import Settings, Values


@dataclass(frozen=True, eq=False)
class Work:
    """One matrix and the dense operands to come, as the kernels read them."""

    matrix: Csr
    width: int
    """Columns of the dense operands."""
    dtype: torch.dtype
    """Of the dense operands and the result."""
    reduce: Reduce
    """Sum or mean."""

    @property
    def scaling(self) -> Scaling:
        """The separable part of the values."""
        return self.matrix.scaling or Scaling()

    @property
    def values(self) -> Values:
        """What belongs to each non-zero, besides its row's scale."""
        if self.matrix.entries is not None:
            return "each"
        return "none" if self.scaling.columns is None else "columns"

    @cached_property
    def row_scale(self) -> torch.Tensor | None:
        """(rows,), float32; None: all ones."""
        return None if self.scaling.rows is None else self.scaling.rows.detach().float().contiguous()

    @cached_property
    def column_scale(self) -> torch.Tensor | None:
        """(columns,), float32; None: all ones."""
        return None if self.scaling.columns is None else self.scaling.columns.detach().float().contiguous()

    @cached_property
    def entries(self) -> torch.Tensor | None:
        """(nnz,), float32: the value of each non-zero where it is not separable."""
        return None if self.matrix.entries is None else self.matrix.entries.detach().float().contiguous()


class RowsMultiply:
    """A prepared `rows_triton`: call it with the dense operand. A call waits for nothing and can be captured in a CUDA graph."""

    def __init__(self, work: Work, settings: Settings) -> None:
        """Cut the rows of the matrix into pieces, on its device."""
        self.settings = settings
        self._work = work
        self._pieces = Pieces.cut(work.matrix, settings.chunk) if work.matrix.shape[0] else None
        values: Values = "none" if settings.prescaled and work.values == "columns" else work.values
        self._finish = {"WIDTH": work.width, "ROWS_SCALED": work.row_scale is not None, "MEAN": work.reduce == "mean"}
        self._form = self._finish | {"VALUES": values, "BLOCK": settings.block, "TILE": settings.tile}

    def __call__(self, dense: torch.Tensor) -> torch.Tensor:
        """Return ``matrix @ dense``."""
        work, rows = self._work, self._work.matrix.shape[0]
        result = torch.empty(rows, work.width, dtype=work.dtype, device=dense.device)
        if self._pieces is not None and work.width:
            with torch.cuda.device_of(dense):  # type: ignore[no-untyped-call]
                self._launch(self._pieces, self._scaled(dense), result)
        return result

    def _scaled(self, dense: torch.Tensor) -> torch.Tensor:
        dense = dense.detach().contiguous()
        if self._work.column_scale is None or not self.settings.prescaled:
            return dense
        return torch.mul(dense, self._work.column_scale[:, None], out=torch.empty_like(dense))

    def _launch(self, pieces: Pieces, dense: torch.Tensor, result: torch.Tensor) -> None:
        work, settings = self._work, self.settings
        matrix, options = work.matrix, {"num_warps": settings.warps, "enable_fp_fusion": True}
        tiles = triton.cdiv(work.width, settings.tile)
        partial = torch.empty(pieces.slot_bound, work.width, dtype=torch.float32, device=dense.device)
        # An absent vector is never read: the result stands in for its address.
        entries, column_scale, row_scale = (
            result if part is None else part for part in (work.entries, work.column_scale, work.row_scale)
        )
        if len(pieces.rows):
            source.sum_pieces[len(pieces.rows), tiles](
                dense, result, partial, pieces.begins, pieces.ends, pieces.rows, pieces.slots, pieces.counts[0],
                matrix.col, entries, row_scale, column_scale, STAGES=settings.stages, **self._form, **options,
            )  # fmt: skip
        source.sum_short_rows[triton.cdiv(len(result), settings.block), tiles](
            dense, result, matrix.rowptr, matrix.col, entries, row_scale, column_scale, len(result),
            SHORT=SHORT, **self._form, **options,
        )  # fmt: skip
        if len(pieces.joined_rows):
            source.join_pieces[len(pieces.joined_rows), tiles](
                result, partial, pieces.joined_rows, pieces.first_slots, pieces.counts[2], matrix.rowptr, row_scale,
                CHUNK=pieces.chunk, BLOCK=settings.block, TILE=settings.tile, **self._finish, **options,
            )  # fmt: skip
