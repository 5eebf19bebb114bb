"""Reads off the epochs of a training what it had reached at a time, or after some of its epochs."""

from __future__ import annotations

from itertools import accumulate

from rsc_bench.harness.metrics.training import points_after
from rsc_bench.harness.records.measurement import Training


def time_s(training: Training) -> float:
    """Return the seconds of a training, its warm-up included and evaluation left out."""
    return sum(training.epoch_s or []) + (training.warmup_s or 0.0)


def points_at(training: Training, seconds: float) -> float | None:
    """Return the test metric, in points, of the best epoch on the validation nodes that ended by then; None where none did."""
    return points_after(training, sum(end <= seconds * (1 + 1e-9) for end in epoch_ends(training)))


def epoch_ends(training: Training) -> list[float]:
    """Return the seconds at the end of each epoch, the warm-up that training restarted behind included."""
    return list(accumulate(training.epoch_s or [], initial=training.warmup_s or 0.0))[1:]


def exact_epochs(training: Training) -> int | None:
    """Return how many epochs of an approximated training were exact; None where that is not recorded."""
    return None if training.flops_share is None else sum(share >= 1 for share in training.flops_share)


def final_points(training: Training) -> float:
    """Return the test metric, in points, of the whole training, which has one."""
    points = points_after(training)
    assert points is not None, "a training without a metric of each epoch is left out before"
    return points
