"""Decides how many samples a case needs, from the samples themselves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, floor, sqrt
from time import perf_counter

_NORMAL_95 = 1.959964


@dataclass(frozen=True)
class Limits:
    """When to stop sampling: precise enough, out of time or out of samples."""

    precision: float = 0.02
    """Relative width of the median's 95 % confidence interval that is enough."""
    time_s: float = 0.15
    """Seconds of sampling that are never exceeded once there are `fewest` samples."""
    fewest: int = 5
    """Samples that are always taken."""
    most: int = 400
    """Samples that are never exceeded."""
    warmup_s: float = 0.05
    """Seconds of calls before the first sample, at least one call."""


def sample(take: Callable[[], float], limits: Limits, now: Callable[[], float] = perf_counter) -> tuple[list[float], str]:
    """Return samples in order, and why sampling stopped: ``precise``, ``time`` or ``samples``.

    Args:
        take: returns the next sample.
        limits: when to stop.
        now: the time in seconds.
    """
    samples: list[float] = []
    end = now() + limits.time_s
    while True:
        samples.append(take())
        if len(samples) < limits.fewest:
            continue
        if median_width(samples) <= limits.precision:
            return samples, "precise"
        if now() >= end:
            return samples, "time"
        if len(samples) >= limits.most:
            return samples, "samples"


def median_width(samples: Sequence[float]) -> float:
    """Return the width of the median's 95 % confidence interval over the median; infinite below 6 samples.

    The interval is that of order statistics, which assumes no distribution (Hahn and Meeker, Statistical Intervals, 5.2);
    with fewer than 6 samples not even the extremes enclose the median with 95 %.
    """
    count = len(samples)
    if count < 6:
        return float("inf")
    ordered = sorted(samples)
    reach = _NORMAL_95 * sqrt(count)
    low, high = max(0, floor((count - reach) / 2)), min(count - 1, ceil((count + reach) / 2))
    return (ordered[high] - ordered[low]) / ordered[count // 2]
