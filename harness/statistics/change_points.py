"""Finds in the times of one case, run after run, the runs at which they stepped to another level and stayed there."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

FALSE_MARKS = 0.01
"""Histories of steady times, all cases of one together, that may show any mark: one in a hundred."""
MIN_RUNS = 6
"""With fewer, nothing is marked: the noise between runs is not known."""
MIN_STAY = 3
"""Runs that a level must last: one run, or two in a row, may have had bad luck as a whole."""
MIN_CHANGE = 0.02
"""A smaller step matters to nobody, however sure."""
OWN_SIDE = 0.75
"""Share of the runs at either level that must be nearer to it than to the other."""
BETTER_THAN_A_LINE = 1.5
"""Times as much squared residual that a straight line over both levels must leave: no run is to blame for a drift."""
RARE = 0.2
"""Share of the differences between neighbours that may be of steps and spikes."""
SPIKE = 3.0
"""Standard deviations by which a run may leave the middle of its neighbours; beyond, it counts as that far."""
LEAST_NOISE = 1e-4
"""Standard deviation of logarithms below which times are taken as equally steady."""


@dataclass(frozen=True)
class ChangePoint:
    """A run from which on a case took another time."""

    place: int
    """Place of the first run at the new level, from 0."""
    ratio: float
    """Median of the runs at the new level over that at the old one: above 1 is slower."""


def change_points(times_s: Sequence[float], cases: int = 1) -> list[ChangePoint]:
    """Return the steps in the times of one case, in order of the runs.

    Args:
        times_s: one positive time for each run, in order; all in one unit.
        cases: how many such series are looked at together; the more there are, the surer each mark must be.

    The levels are those that fit the logarithms best at a price for each step (optimal partitioning, Jackson et al., IEEE Signal
    Processing Letters 12, 2005). A step is kept where Student's t between its two levels is beyond what the best place of all in
    all cases would reach by chance (Bonferroni), and where it explains the times better than a straight line does.
    """
    import numpy as np

    if len(times_s) < MIN_RUNS:
        return []
    logs = np.log(np.asarray(times_s, dtype=float))
    noise = _noise(logs)
    steady = _without_spikes(logs, SPIKE * noise)
    by_chance = FALSE_MARKS / (cases * (len(logs) - 1))
    bounds = [0, *_cheapest(steady, (noise * _quantile(by_chance, math.inf)) ** 2), len(logs)]
    while weakest := _weakest(steady, bounds, by_chance, noise):
        bounds.remove(weakest)
    return [ChangePoint(at, _ratio(logs[start:at], logs[at:end])) for start, at, end in _steps(bounds)]


def _noise(logs: np.ndarray) -> float:
    """Standard deviation from run to run, from the differences of neighbours: steps and spikes hardly move it.

    It is the larger of two. The median difference says nothing of runs that take one of two times, for neighbours are often of one
    mode. Their mean square does, without the largest: those are of steps and spikes.
    """
    import numpy as np

    differences = np.sort(np.abs(np.diff(logs)))
    kept = differences[: len(differences) - max(2, round(RARE * len(differences)))]
    # Both as of a normal distribution: 1.4826 of its median, 1.51 of its root mean square without the largest fifth.
    usual, of_modes = 1.4826 * float(np.median(differences)), 1.51 * math.sqrt(float((kept**2).mean()))
    # A difference has twice the variance.
    return max(LEAST_NOISE, usual / math.sqrt(2), of_modes / math.sqrt(2))


def _without_spikes(logs: np.ndarray, room: float) -> np.ndarray:
    """The series with each value clipped to `room` around the middle two of its four neighbours.

    At a step these are of both levels, so that it stays as it is; one spike, or two in a row, do not.
    """
    import numpy as np

    count = len(logs)
    first = np.clip(np.arange(count) - 2, 0, count - 5)
    windows = first[:, None] + np.arange(5)
    others = logs[windows[windows != np.arange(count)[:, None]].reshape(count, 4)]
    others.sort(axis=1)
    clipped: np.ndarray = np.clip(logs, others[:, 1] - room, others[:, 2] + room)
    return clipped


def _cheapest(values: np.ndarray, price: float) -> list[int]:
    """Places at which to begin new levels so that squared residuals and the price of all steps are least together."""
    import numpy as np

    count = len(values)
    misfit = _misfits(values)
    cost, last = np.full(count + 1, np.inf), np.zeros(count + 1, dtype=int)
    cost[0] = -price
    for end in range(MIN_STAY, count + 1):
        options = cost[: end - MIN_STAY + 1] + misfit[: end - MIN_STAY + 1, end] + price
        last[end] = int(np.argmin(options))
        cost[end] = options[last[end]]
    places, end = [], int(last[count])
    while end:
        places.append(end)
        end = int(last[end])
    return places[::-1]


def _misfits(values: np.ndarray) -> np.ndarray:
    """Squared residuals about the mean of every stretch: rows are where it starts, columns where it ends."""
    import numpy as np

    values = values - values.mean()
    sums, squares = (np.concatenate([[0.0], np.cumsum(each)]) for each in (values, values**2))
    length = np.arange(len(sums))[None, :] - np.arange(len(sums))[:, None]
    misfits: np.ndarray = (squares[None, :] - squares[:, None]) - (sums[None, :] - sums[:, None]) ** 2 / np.maximum(length, 1)
    return misfits


def _weakest(values: np.ndarray, bounds: list[int], by_chance: float, noise: float) -> int | None:
    """The step that stands out least of those that do not stand; None where all stand, or none is left.

    The noise is that around the levels, or what it is from run to run where that is more: levels may have been fitted to modes.
    """
    if len(bounds) == 2:
        return None
    freedom = len(values) - len(bounds) + 1
    residuals = sum(_misfit(values[start:end]) for start, end in pairwise(bounds))
    noise = max(noise, math.sqrt(residuals / max(1, freedom)))
    limit = noise * _quantile(by_chance, max(1, freedom))
    found = [(_strength(values[start:at], values[at:end], limit), at) for start, at, end in _steps(bounds)]
    strength, place = min(found)
    return place if strength < 1 else None


def _strength(before: np.ndarray, after: np.ndarray, limit: float) -> float:
    """How far a step is beyond what chance would make of it; 0 where it is too small or no step at all."""
    change = float(after.mean() - before.mean())
    if abs(change) < math.log1p(MIN_CHANGE) or not _parted(before, after) or _is_drift(before, after):
        return 0.0
    return abs(change) / (limit * math.sqrt(1 / len(before) + 1 / len(after)))


def _parted(before: np.ndarray, after: np.ndarray) -> bool:
    """Whether most runs lie on the side of their own level: the mean of a spike and a plain run is no level."""
    middle = (before.mean() + after.mean()) / 2
    rises = after.mean() > before.mean()
    shares = ((before < middle) == rises).mean(), ((after > middle) == rises).mean()
    return bool(min(shares) >= OWN_SIDE)


def _is_drift(before: np.ndarray, after: np.ndarray) -> bool:
    """Whether a straight line over both levels fits nearly as well as the step."""
    import numpy as np

    both = np.concatenate([before, after])
    runs = np.arange(len(both)) - (len(both) - 1) / 2
    line = both - both.mean() - runs * (runs @ both) / (runs @ runs)
    return float(line @ line) < BETTER_THAN_A_LINE * (_misfit(before) + _misfit(after))


def _misfit(values: np.ndarray) -> float:
    return float(((values - values.mean()) ** 2).sum())


def _ratio(before: np.ndarray, after: np.ndarray) -> float:
    import numpy as np

    return math.exp(float(np.median(after) - np.median(before)))


def _steps(bounds: Sequence[int]) -> Iterable[tuple[int, int, int]]:
    """Each step with where the level before it starts and the one after it ends."""
    return zip(bounds, bounds[1:], bounds[2:], strict=False)


def _quantile(by_chance: float, freedom: float) -> float:
    """What Student's t exceeds on either side with such a probability."""
    from scipy.special import ndtri, stdtrit

    return -float(ndtri(by_chance / 2) if math.isinf(freedom) else stdtrit(freedom, by_chance / 2))
