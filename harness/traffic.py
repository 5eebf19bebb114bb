"""Turns a case and its measurement into the work it did: FLOPs, bytes that had to move, bytes that were gathered, seconds."""

from __future__ import annotations

from dataclasses import dataclass

from rsc_bench.harness.record import Case, Measurement

ITEM_BYTES = {"float64": 8, "float32": 4, "bfloat16": 2, "float16": 2}
COLUMN_BYTES = 4
"""Of a column index: int32, as every kernel is given them."""
_INT32_MAX = 2**31 - 1


@dataclass(frozen=True)
class Traffic:
    """What one multiply of a case does; of a sampled kernel over the pairs that it kept, selecting left out."""

    seconds: float
    """Fastest multiply of the round."""
    flops: int
    """A multiplication and an addition for each non-zero and column of the dense operand."""
    gathered_bytes: int
    """Rows of the dense operand, each as often as a non-zero needs it: what moves where nothing is reused."""
    compulsory_bytes: int | None
    """CSR arrays, dense operand and result, each once: what moves where all is reused; None where the sizes are not recorded."""
    row_bytes: int
    """Size of one row of the dense operand."""
    operand_bytes: int | None
    """Size of the rows that are gathered from; None where it is not recorded."""

    @property
    def intensity(self) -> float | None:
        """FLOPs per compulsory byte; None where these are not known."""
        return self.flops / self.compulsory_bytes if self.compulsory_bytes else None


def of(case: Case, measured: Measurement) -> Traffic | None:
    """Return the traffic of a case; None for a training and for a dtype whose size is not known."""
    item_bytes = ITEM_BYTES.get(case.dtype)
    if measured.epoch_s is not None or case.model is not None or item_bytes is None:
        return None
    row_bytes = case.width * item_bytes
    operand_rows = measured.columns if measured.kept_pairs is None else measured.kept_pairs
    operand_bytes = None if operand_rows is None else operand_rows * row_bytes
    return Traffic(
        seconds=min(measured.multiply_s or measured.times_s),
        flops=2 * measured.kept_nnz * case.width,
        gathered_bytes=measured.kept_nnz * row_bytes,
        compulsory_bytes=_compulsory_bytes(measured, row_bytes, operand_bytes),
        row_bytes=row_bytes,
        operand_bytes=operand_bytes,
    )


def _compulsory_bytes(measured: Measurement, row_bytes: int, operand_bytes: int | None) -> int | None:
    if measured.rows is None or operand_bytes is None:
        return None
    offset_bytes = 4 if measured.nnz <= _INT32_MAX else 8
    # Values count where no kernel can do without them; a file that does not say has the floor without.
    nonzero_bytes = COLUMN_BYTES + (measured.value_bytes or 0)
    return (measured.rows + 1) * offset_bytes + measured.kept_nnz * nonzero_bytes + operand_bytes + measured.rows * row_bytes
