"""Turns effects into intervals, the chance of seeing them where nothing changed, and which of many are no chance."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rsc_bench.harness.statistics.effects import Effects, Floats

CONFIDENCE = 0.95
PER_RUN = 0.005
"""Chance that a comparison of identical code calls any case changed for the worse: half of the 1 % that is promised.

The other half is for what Student's t does not know: noise that is not normal, and variances that are pooled.
"""
PER_CASE = 0.001
"""The same for one case, where there are few."""


def interval(found: Effects) -> tuple[Floats, Floats]:
    """Return the 95 % confidence intervals of the changes, each for itself, as logarithms."""
    half = quantile(found.freedom, np.asarray((1 + CONFIDENCE) / 2)) * found.error
    return found.log_ratio - half, found.log_ratio + half


def chance_above(found: Effects) -> Floats:
    """Return, for each case, the chance of a change as large as that or larger where there is none (one-sided)."""
    from scipy.special import stdtr

    with np.errstate(divide="ignore", invalid="ignore"):
        t = found.log_ratio / found.error
    # No spread and no change: 0/0 is no evidence of anything.
    return np.asarray(stdtr(found.freedom, -np.where(np.isnan(t), 0.0, t)), dtype=float)


def limits(chances: Floats) -> Floats:
    """Return the chance that each case may have at most to count, by Holm's step-down (Scand. J. Statist. 6, 1979).

    Of m cases the least likely may have 0.5 % / m at most, the next 0.5 % / (m - 1), and so on, until one is above its limit: from
    there on nothing counts. So among any number of cases that are the same, one is called changed in at most 0.5 % of runs.
    """
    order = np.argsort(chances)
    remaining = np.arange(len(chances), 0, -1)
    steps = np.minimum(PER_CASE, PER_RUN / remaining)
    above = chances[order] > steps
    # All that come after the first one above its limit get the limit that it missed.
    first = int(above.argmax()) if above.any() else len(steps)
    steps[first:] = steps[min(first, len(steps) - 1)] if len(steps) else steps[first:]
    by_case = np.empty_like(steps)
    by_case[order] = steps
    return by_case


def count(chances: Floats) -> NDArray[np.bool_]:
    """Return which cases are no chance, among all of them."""
    return chances <= limits(chances)


def quantile(freedom: Floats, probability: Floats) -> Floats:
    """Return the quantile of Student's t."""
    from scipy.special import stdtrit  # scipy.stats would take a second to import

    return np.asarray(stdtrit(freedom, probability), dtype=float)
