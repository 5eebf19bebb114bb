"""Turns the values of many cases on two sides into one change a case, as logarithms of a ratio, with its spread."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

TRIM = 0.2


@dataclass(frozen=True)
class Sides:
    """The values of one case, one a round, on both sides; all above 0, and at least two on each."""

    base: Sequence[float]
    new: Sequence[float]
    paired: bool = False
    """Whether the first of base was taken right beside the first of new, and so on: then they are equally many."""

    @property
    def shape(self) -> tuple[int, int, bool]:
        """What cases must share to be worked out as one array."""
        return len(self.base), len(self.new), self.paired


@dataclass(frozen=True)
class Effects:
    """What the rounds say of many cases, one entry a case."""

    log_ratio: Floats
    """Logarithm of new over base."""
    variance: Floats
    """Variance of one round's part in it."""
    share: Floats
    """By what that variance is multiplied to give the variance of `log_ratio`: about one over the rounds."""
    freedom: Floats
    """Degrees of freedom of the variance."""

    @property
    def error(self) -> Floats:
        """Standard error of `log_ratio`."""
        return np.sqrt(self.variance * self.share)


def effects(cases: Sequence[Sides]) -> Effects:
    """Return the change of each case: the trimmed mean of the rounds, as Yuen tests it (Biometrika 61, 1974).

    On logarithms, because noise multiplies a time. Trimmed, because now and then a whole round is disturbed: a fifth of the
    rounds may be off, at either end, and change nothing. Paired cases are the mean of the differences round by round.
    """
    columns = np.empty((4, len(cases)))
    for shape, places in _alike(cases).items():
        base, new = (np.log([getattr(cases[place], side) for place in places]) for side in ("base", "new"))
        columns[:, places] = np.broadcast_arrays(*(_paired(new - base) if shape[2] else _apart(base, new)))
    return Effects(*columns)


def _alike(cases: Iterable[Sides]) -> dict[tuple[int, int, bool], list[int]]:
    """The places of the cases, by what they must share to be one array."""
    places: dict[tuple[int, int, bool], list[int]] = defaultdict(list)
    for place, case in enumerate(cases):
        places[case.shape].append(place)
    return places


def _paired(differences: Floats) -> tuple[Floats | float, ...]:
    mean, squared, kept = _trimmed(differences)
    return mean, squared * kept, 1 / kept, kept - 1


def _apart(base: Floats, new: Floats) -> tuple[Floats | float, ...]:
    """Yuen's and Welch's: the sides may spread differently, and be of different length."""
    (base_mean, base_squared, base_kept), (new_mean, new_squared, new_kept) = _trimmed(base), _trimmed(new)
    share = 1 / base_kept + 1 / new_kept
    squared = base_squared + new_squared
    with np.errstate(invalid="ignore"):
        freedom = squared**2 / (base_squared**2 / (base_kept - 1) + new_squared**2 / (new_kept - 1))
    # Two sides without any spread: Welch's formula has no value, the common variance has this many.
    freedom = np.where(squared > 0, freedom, base_kept + new_kept - 2)
    return new_mean - base_mean, squared / share, share, freedom


def _trimmed(values: Floats) -> tuple[Floats, Floats, int]:
    """Trimmed mean of each row, its squared standard error from the winsorized variance, and the values that it kept."""
    rounds = values.shape[1]
    cut = int(TRIM * rounds)
    kept = rounds - 2 * cut
    ordered = np.sort(values, axis=1)
    middle = ordered[:, cut : rounds - cut]
    winsorized = np.clip(ordered, middle[:, :1], middle[:, -1:])
    squared = winsorized.var(axis=1, ddof=1) * (rounds - 1) / (kept * (kept - 1))
    return middle.mean(axis=1), squared, kept
