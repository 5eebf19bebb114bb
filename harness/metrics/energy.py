"""Energy of one call, from the steps of a GPU's energy counter."""

from __future__ import annotations

from rsc_bench.harness.metrics import Metric
from rsc_bench.harness.records.measurement import Measurement


def call_j(measurement: Measurement) -> float | None:
    """Return joules of one call above what the GPU takes when idle; None where they were not measured, or lost in idle power.

    From the first step of the counter to the last, so that both ends lie where the counter was renewed: its value between two
    steps is old.
    """
    seen = measurement.gpu and measurement.gpu.energy
    if not seen:
        return None
    mean_w = (seen.counter_j[-1] - seen.counter_j[0]) / (seen.step_s[-1] - seen.step_s[0])
    joules = (mean_w - seen.idle_w) * seen.pass_s / seen.calls
    return joules if joules > 0 else None


def _millijoules(measurement: Measurement, _: Measurement | None) -> float | None:
    joules = call_j(measurement)
    return None if joules is None else 1e3 * joules


def _nanojoules(measurement: Measurement, _: Measurement | None) -> float | None:
    joules = call_j(measurement)
    return 1e9 * joules / measurement.matrix.nnz if joules is not None and measurement.matrix.nnz else None


METRICS = (
    Metric(
        name="energy",
        unit="mJ",
        better="lower",
        summary="Energy that the GPU spends on one call above what it takes when idle, from calls made one behind the other.",
        compute=_millijoules,
    ),
    Metric(
        name="energy per edge",
        unit="nJ",
        better="lower",
        summary="Energy of one call, above idle, over all non-zeros of the matrix, whether multiplied or left out.",
        compute=_nanojoules,
    ),
)
