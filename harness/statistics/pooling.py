"""Turns the variances of many cases, each from few rounds, into variances that also use what the other cases say of the noise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from rsc_bench.harness.statistics.effects import Effects, Floats

MIN_CASES = 10
MOST_FREEDOM = 3.0
"""The other cases count for at most so many times a case's own degrees of freedom: they share the luck of their rounds."""


def pooled(found: Effects) -> Effects:
    """Return the effects with moderated variances (Smyth, Stat. Appl. Genet. Mol. Biol. 3, 2004, section 6.2).

    With three rounds a case's own variance is hardly known, and one that is small by luck makes any change look certain. A
    sweep has many cases on one machine: a scaled inverse chi-square is fitted to their variances, and takes part in each as
    if it were further rounds. Never to make a variance smaller: a case that is noisier than the others stays so.
    """
    prior = _prior(found.variance, found.freedom)
    if prior is None:
        return found
    variance = prior[0]
    freedom = np.minimum(prior[1], MOST_FREEDOM * found.freedom)
    total = freedom + found.freedom
    moderated = (freedom * variance + found.freedom * found.variance) / total
    return replace(found, variance=np.maximum(found.variance, moderated), freedom=total)


def _prior(variance: Floats, freedom: Floats) -> tuple[float, float] | None:
    """Variance and degrees of freedom of the fit; None with too few cases, or where most do not vary at all."""
    from scipy.special import digamma, polygamma

    varies = variance > 0
    if varies.sum() < max(MIN_CASES, len(variance) / 2):
        return None
    half = freedom[varies] / 2
    logs = np.log(variance[varies]) - digamma(half) + np.log(half)
    extra = logs.var(ddof=1) - polygamma(1, half).mean()
    if extra <= 0:
        return float(np.exp(logs.mean())), np.inf
    prior = 2 * _inverse_trigamma(extra)
    return float(np.exp(logs.mean() + digamma(prior / 2) - np.log(prior / 2))), prior


def _inverse_trigamma(value: float) -> float:
    """Solve trigamma(x) = value by Newton's method on 1/trigamma, which is convex (Smyth 2004, appendix)."""
    from scipy.special import polygamma

    x = 0.5 + 1 / value
    for _ in range(50):
        trigamma = float(polygamma(1, x))
        step = trigamma * (1 - trigamma / value) / float(polygamma(2, x))
        x += step
        if -step / x < 1e-8:
            break
    return x
