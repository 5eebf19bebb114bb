"""Time of a training and of its parts, and the test metric that it reaches."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from rsc_bench.harness.metrics import Metric, speedup_of
from rsc_bench.harness.records.measurement import Measurement, Training
from rsc_bench.kinds import AS_WRITTEN

OWN = ("select", "allocate")
"""The phases that only sampling has."""
BACKWARD = "backward_spmm"
MAX_DROP_POINTS = 0.3
"""Points of test metric that may be lost where nothing else is said."""


def sampled_epochs(training: Training) -> list[int]:
    """Return the epochs that spent less than the exact FLOPs; all epochs where none did, or where it is not recorded."""
    shares = training.flops_share or []
    return [epoch for epoch, share in enumerate(shares) if share < 1] or list(range(len(training.epoch_s or [])))


def _mean_s(training: Training, phases: Sequence[str], epochs: Sequence[int]) -> float | None:
    """The mean seconds that one of `epochs` spent in `phases` together; None where none of these was recorded."""
    recorded = [seconds for name, seconds in (training.phase_s or {}).items() if name in phases]
    spent = [seconds[epoch] for seconds in recorded for epoch in epochs if epoch < len(seconds)]
    return sum(spent) / len(epochs) if spent else None


def _backward_speedup(measurement: Measurement, baseline: Measurement | None) -> float | None:
    trained, against = measurement.training, baseline and baseline.training
    if not trained or not against:
        return None
    # The same epochs on both sides: the exact ones at the beginning and at the end say nothing of sampling.
    epochs = sampled_epochs(trained)
    own, exact = _mean_s(trained, (BACKWARD, *OWN), epochs), _mean_s(against, (BACKWARD,), epochs)
    return exact / own if exact is not None and own else None


def _overhead(measurement: Measurement, _: Measurement | None) -> float | None:
    trained = measurement.training
    if not trained or not trained.epoch_s:
        return None
    # Exact epochs at the end would thin it out.
    epochs = [epoch for epoch in sampled_epochs(trained) if epoch < len(trained.epoch_s)]
    own_s = _mean_s(trained, OWN, epochs)
    return None if own_s is None else 100 * own_s / fmean(trained.epoch_s[epoch] for epoch in epochs)


def points_after(training: Training, epochs: int | None = None) -> float | None:
    """Return the test metric, in points of 100, at the first of the best of the first epochs on the validation nodes.

    None where there is none, and where the training has not both metrics of each epoch. With `epochs` None all of them count.
    """
    validation, test = training.val_metric or [], training.test_metric or []
    if len(validation) != len(test) or not validation[:epochs]:
        return None
    return 100 * test[validation.index(max(validation[:epochs]))]


def final_metric(measurement: Measurement, _: Measurement | None = None) -> float | None:
    """Return the test metric, in points of 100, at the first epoch with the best validation metric; None but for a training."""
    return points_after(measurement.training) if measurement.training else None


def metric_drop(measurement: Measurement, baseline: Measurement | None) -> float | None:
    """Return the points of test metric that a training lies below its baseline; None where either has none."""
    own, exact = final_metric(measurement), None if baseline is None else final_metric(baseline)
    return None if own is None or exact is None else exact - own


def _epoch_ms(measurement: Measurement, _: Measurement | None) -> float | None:
    trained = measurement.training
    return 1e3 * fmean(trained.epoch_s) if trained and trained.epoch_s else None


METRICS = (
    Metric(
        name="training",
        unit="s",
        better="lower",
        summary="Time of the whole training, evaluation left out.",
        compute=lambda measurement, _: measurement.timing.fastest_s if measurement.training else None,
    ),
    Metric(
        name="epoch",
        unit="ms",
        better="lower",
        summary="Mean time of one epoch, evaluation left out: "
        "epochs that select and epochs that are exact count as often as they come.",
        compute=_epoch_ms,
    ),
    Metric(
        name="test metric",
        unit="points",
        better="higher",
        summary="Accuracy, micro-F1 or ROC-AUC on the test nodes, at the epoch with the best metric on the validation nodes.",
        compute=final_metric,
    ),
    Metric(
        name="metric drop",
        unit="points",
        better="lower",
        summary="Test metric of exact training less that of this one, for the same seed and epochs; below 0 it is the better one.",
        compute=metric_drop,
    ),
    Metric(
        name="speedup vs PyG",
        unit="x",
        better="higher",
        summary="Times as fast, end to end, as PyTorch Geometric's own code with an edge_index: what most people run.",
        compute=lambda measurement, baseline: speedup_of(measurement, baseline) if measurement.training else None,
        against=(AS_WRITTEN,),
    ),
    Metric(
        name="backward speedup",
        unit="x",
        better="higher",
        summary="Times as fast as exact training in the backward SpMM, "
        "selecting and allocating included, over the epochs that sample.",
        compute=_backward_speedup,
    ),
    Metric(
        name="overhead",
        unit="%",
        better="lower",
        summary="Selecting and allocating as a share of the time of an epoch, over the epochs that sample.",
        compute=_overhead,
    ),
)
