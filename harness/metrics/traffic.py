"""Work of a multiply in FLOPs and bytes, its rates, and how near they come to what the device can reach."""

from __future__ import annotations

from dataclasses import dataclass

from rsc_bench.harness.metrics import Metric
from rsc_bench.harness.records.case import SDDMM, Case
from rsc_bench.harness.records.ceilings import Ceilings
from rsc_bench.harness.records.measurement import Matrix, Measurement

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
    """CSR arrays, dense operands and result, each once: what moves where all is reused; None where the sizes are not recorded."""
    row_bytes: int
    """Size of one row of the dense operand."""
    operand_bytes: int | None
    """Size of the rows that are gathered from; None where it is not recorded."""

    @property
    def intensity(self) -> float | None:
        """FLOPs per compulsory byte; None where these are not known."""
        return self.flops / self.compulsory_bytes if self.compulsory_bytes else None


class _Last:
    """What was worked out last: seven metrics ask for the traffic of one measurement, one behind the other."""

    def __init__(self) -> None:
        self._of: tuple[Case, Measurement] | None = None
        self._found: Traffic | None = None

    def __call__(self, case: Case, measured: Measurement) -> Traffic | None:
        """Return the traffic of a case; None for a training, and where a dtype's size or what was multiplied is not known."""
        if self._of is None or self._of[0] is not case or self._of[1] is not measured:
            self._of, self._found = (case, measured), traffic_of(case, measured)
        return self._found


_traffic = _Last()


def traffic_of(case: Case, measured: Measurement) -> Traffic | None:
    """Return the traffic of a case; None for a training, and where a dtype's size or what was multiplied is not known."""
    item_bytes = ITEM_BYTES.get(case.dtype)
    if measured.training is not None or case.model is not None or item_bytes is None:
        return None
    matrix, timing = measured.matrix, measured.timing
    if matrix.kept_nnz is None:
        return None
    row_bytes = case.width * item_bytes
    operand_rows = matrix.columns if matrix.kept_pairs is None else matrix.kept_pairs
    operand_bytes = None if operand_rows is None else operand_rows * row_bytes
    # Of SDDMM the rows are read, where a product writes them, and there is one number more for each non-zero.
    dots_bytes = matrix.kept_nnz * item_bytes if case.suite == SDDMM else 0
    return Traffic(
        seconds=min(timing.multiply_s or timing.times_s),
        flops=2 * matrix.kept_nnz * case.width,
        gathered_bytes=matrix.kept_nnz * row_bytes,
        compulsory_bytes=_compulsory_bytes(matrix, matrix.kept_nnz, row_bytes, operand_bytes, dots_bytes),
        row_bytes=row_bytes,
        operand_bytes=operand_bytes,
    )


def _compulsory_bytes(matrix: Matrix, kept_nnz: int, row_bytes: int, operand_bytes: int | None, dots_bytes: int) -> int | None:
    if matrix.rows is None or operand_bytes is None:
        return None
    offset_bytes = 4 if matrix.nnz <= _INT32_MAX else 8
    # Values count where no kernel can do without them; a file that does not say has the floor without.
    nonzero_bytes = COLUMN_BYTES + (matrix.value_bytes or 0)
    return (matrix.rows + 1) * offset_bytes + kept_nnz * nonzero_bytes + operand_bytes + matrix.rows * row_bytes + dots_bytes


def _compulsory(case: Case, measurement: Measurement, _: Ceilings | None) -> float | None:
    traffic = _traffic(case, measurement)
    return None if traffic is None or traffic.compulsory_bytes is None else traffic.compulsory_bytes / 1e6


def _gathered(case: Case, measurement: Measurement, _: Ceilings | None) -> float | None:
    traffic = _traffic(case, measurement)
    return None if traffic is None else traffic.gathered_bytes / 1e6


def _bandwidth(case: Case, measurement: Measurement, _: Ceilings | None) -> float | None:
    traffic = _traffic(case, measurement)
    return None if traffic is None or traffic.compulsory_bytes is None else traffic.compulsory_bytes / traffic.seconds / 1e9


def _gather_rate(case: Case, measurement: Measurement, _: Ceilings | None) -> float | None:
    traffic = _traffic(case, measurement)
    return None if traffic is None else traffic.gathered_bytes / traffic.seconds / 1e9


def _arithmetic(case: Case, measurement: Measurement, _: Ceilings | None) -> float | None:
    traffic = _traffic(case, measurement)
    return None if traffic is None else traffic.flops / traffic.seconds / 1e9


def _share_of_copy(case: Case, measurement: Measurement, ceilings: Ceilings | None) -> float | None:
    traffic = _traffic(case, measurement)
    if traffic is None or traffic.compulsory_bytes is None or ceilings is None or ceilings.device != case.device:
        return None
    ceiling = ceilings.copy()
    return None if ceiling is None else 100 * traffic.compulsory_bytes / traffic.seconds / ceiling


def _share_of_gather(case: Case, measurement: Measurement, ceilings: Ceilings | None) -> float | None:
    traffic = _traffic(case, measurement)
    if traffic is None or traffic.operand_bytes is None or ceilings is None or ceilings.device != case.device:
        return None
    ceiling = ceilings.gather(traffic.row_bytes, traffic.operand_bytes)
    return None if ceiling is None else 100 * traffic.gathered_bytes / traffic.seconds / ceiling


METRICS = (
    Metric(
        name="compulsory",
        unit="MB",
        better="lower",
        summary="The sparse matrix, the rows of the dense operand, or operands, that it needs and the result, each moved once.",
        within=_compulsory,
    ),
    Metric(
        name="gathered",
        unit="MB",
        better="lower",
        summary="A row of the dense operand, of SDDMM of the columns', for each multiplied non-zero.",
        within=_gathered,
    ),
    Metric(
        name="bandwidth",
        unit="GB/s",
        better="higher",
        summary="Compulsory bytes over the time of the multiply alone.",
        within=_bandwidth,
    ),
    Metric(
        name="gather rate",
        unit="GB/s",
        better="higher",
        summary="Gathered bytes over the time of the multiply alone.",
        within=_gather_rate,
    ),
    Metric(
        name="arithmetic",
        unit="GFLOP/s",
        better="higher",
        summary="Two FLOPs for each multiplied non-zero and column, over the time of the multiply alone.",
        within=_arithmetic,
    ),
    Metric(
        name="share of copy",
        unit="%",
        better="higher",
        summary="Bandwidth as a share of what a large copy reached on this device in this run; "
        "above 100 % caches kept the operands.",
        within=_share_of_copy,
    ),
    Metric(
        name="share of gather",
        unit="%",
        better="higher",
        summary="Gather rate as a share of what random rows of an operand of that size reached in this run; "
        "above 100 % rows were reused.",
        within=_share_of_gather,
    ),
)
