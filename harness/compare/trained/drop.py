"""What a training loses against another of the same seed, over the seeds, and what trainings are called."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from rsc_bench.harness.records.case import Case

MIN_SEEDS = 3
CONFIDENCE = 0.95
RANDOM = "random"
"""The variant that is a control although it samples: pairs at random."""


@dataclass(frozen=True)
class Drop:
    """By how many points of test metric sampling stays below exact training, paired by seed."""

    mean: float
    low: float | None
    """One-sided 95 % lower bound of the mean; None with fewer than 3 seeds."""
    high: float | None
    """One-sided 95 % upper bound of the mean; None with fewer than 3 seeds."""


def drop_over(points: Sequence[float], confidence: float = CONFIDENCE) -> Drop:
    """Return the mean of paired differences and its one-sided bounds by Student's t (Student, Biometrika 6, 1908)."""
    mean = fmean(points)
    if len(points) < MIN_SEEDS:
        return Drop(mean, None, None)
    from scipy.special import stdtrit  # scipy.stats would take a second to import

    half = float(stdtrit(len(points) - 1, confidence)) * stdev(points) / math.sqrt(len(points))
    return Drop(mean, mean - half, mean + half)


def is_sampled(case: Case) -> bool:
    """Return whether products of a training were sampled; a control has a budget as well, which is what it costs."""
    return samples(case.kernel)


def samples(kernel: str) -> bool:
    """Return whether a kernel is a selection in front of another, by its name."""
    return kernel.endswith(")")


def is_random(variant: str | None) -> bool:
    """Return whether a variant is that of pairs at random, in whichever way of the method: ``random,warmup=restart``."""
    return variant is not None and variant.partition(",")[0] == RANDOM


def way_of(variant: str | None) -> str | None:
    """Return the way of the method that a variant is of, ``warmup=restart`` of ``random-edges,warmup=restart``; None: the usual."""
    return ",".join(part for part in (variant or "").split(",") if "=" in part) or None


def words(training: Case) -> str:
    """Return what was trained in words: the model, how deep, how wide, how long, and whether freed memory is kept."""
    deep = [] if training.layers is None else [f"{training.layers} layers"]
    long = [] if training.epochs is None else [f"{training.epochs} epochs"]
    kept = [] if training.freed_memory is None else [f"freed memory {training.freed_memory}"]
    changed = [] if training.recipe is None else [training.recipe]
    return ", ".join([training.model or "", *deep, f"d = {training.width}", *long, *changed, *kept])
