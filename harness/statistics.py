"""Turns the times of two sets of rounds into a ratio, its interval, and how many rounds would narrow it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import fmean, median, variance

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Ratio:
    """How the times of one case changed between two runs."""

    value: float
    """Median of the new run's rounds over the median of the base's; above 1 is slower."""
    interval: tuple[float, float] | None
    """95 % confidence interval from the rounds; None with fewer than 2 rounds on a side."""


def ratio_of(base_s: Sequence[float], new_s: Sequence[float]) -> Ratio:
    """Return the ratio of two sets of times, each of at least one round."""
    return Ratio(median(new_s) / median(base_s), welch_interval(base_s, new_s))


def welch_interval(base_s: Sequence[float], new_s: Sequence[float]) -> tuple[float, float] | None:
    """Return the interval of the ratio of geometric means by Welch's t on the logarithms (Welch, Biometrika 34, 1947).

    On the logarithms because noise multiplies a time, and because the interval of a ratio then needs no approximation.
    """
    if min(len(base_s), len(new_s)) < 2:
        return None
    base, new = [math.log(t) for t in base_s], [math.log(t) for t in new_s]
    difference = fmean(new) - fmean(base)
    shares = variance(base) / len(base), variance(new) / len(new)
    squared = sum(shares)
    if squared == 0:
        return math.exp(difference), math.exp(difference)
    freedom = squared**2 / (shares[0] ** 2 / (len(base) - 1) + shares[1] ** 2 / (len(new) - 1))
    half = t_quantile(freedom) * math.sqrt(squared)
    return math.exp(difference - half), math.exp(difference + half)


def more_rounds(interval: tuple[float, float], room: float, rounds: int) -> int | None:
    """Return how many more rounds would probably narrow an interval to a half-width of `room`, in logarithms.

    The width falls with the square root of the rounds, and with the t quantile, which few rounds make large. None where
    no number would do: there is no room.
    """
    if room <= 0:
        return None
    half = (math.log(interval[1]) - math.log(interval[0])) / 2
    needed = rounds * (half / room) ** 2
    smaller = t_quantile(2 * needed - 2) / t_quantile(2 * rounds - 2)
    return max(1, math.ceil(needed * smaller**2) - rounds)


def t_quantile(freedom: float) -> float:
    """Return the two-sided 95 % quantile of Student's t."""
    # Two digits of the degrees of freedom move the quantile by less than 1 %, and make most look-ups a hit.
    return _t_quantile(round(max(1.0, freedom), 2))


@lru_cache(maxsize=4096)
def _t_quantile(freedom: float) -> float:
    from scipy.special import stdtrit  # scipy.stats would take a second to import

    return float(stdtrit(freedom, (1 + CONFIDENCE) / 2))
