"""Turns the names of metrics into what is judged: the metric, and the margin within which it may move."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rsc_bench.harness.metrics import Metric
from rsc_bench.harness.metrics.training import MAX_DROP_POINTS
from rsc_bench.plugins import load
from rsc_bench.text import nearest, nearest_is

TIME = Metric(
    name="time",
    unit="s",
    better="lower",
    summary="Fastest call of the round, or the whole of a training.",
    compute=lambda measurement, _: measurement.timing.fastest_s,
)
ALIASES = {"accuracy": "test metric"}
"""Names that a user may give, and the metric's own."""
POINTS = "points"


@dataclass(frozen=True)
class Criterion:
    """A metric that is compared, and by how much it may change without mattering."""

    metric: Metric
    margin: float
    """A share, 0.05 for 5 %; of a metric in points, points."""

    @property
    def in_points(self) -> bool:
        """Whether the margin is in points, and the seeds of a training, not its rounds, are what repeats it."""
        return self.metric.unit == POINTS

    def share(self, level: float) -> float:
        """Return the margin as a share of what the metric is about."""
        return self.margin / level if self.in_points else self.margin


def criteria(threshold: float, metrics: Mapping[str, float | None]) -> tuple[Criterion, ...]:
    """Return what is judged; raises ValueError for a metric that is not known and a margin that is none.

    Args:
        threshold: margin of metrics that have none of their own, in (0, 1); those in points: what `recommend` accepts.
        metrics: name of each metric, and its own margin or None; without any, the time.
    """
    _check("threshold", threshold, 1)
    found = []
    for name, margin in (metrics or {TIME.name: None}).items():
        metric = _metric(name)
        usual = MAX_DROP_POINTS if metric.unit == POINTS else threshold
        _check(f"margin of {name}", usual if margin is None else margin, 100 if metric.unit == POINTS else 1)
        found.append(Criterion(metric, usual if margin is None else margin))
    return tuple(found)


def _check(what: str, margin: float, below: float) -> None:
    if not 0 < margin < below:
        raise ValueError(f"{what} must be above 0 and below {below} (got {margin:g})")


def _metric(name: str) -> Metric:
    if name == TIME.name:
        return TIME
    known = load("metric")
    own_name = ALIASES.get(name, name)
    if own_name not in known:
        names = [TIME.name, *ALIASES, *known]
        raise ValueError(f"metric {name!r} is not known: {nearest_is(nearest(name, names, cutoff=0))}")
    metric: Metric = known[own_name]
    return metric
