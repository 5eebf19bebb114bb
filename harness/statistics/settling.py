"""Turns the spread of effects into the rounds that would probably settle them."""

from __future__ import annotations

import numpy as np

from rsc_bench.harness.statistics.chances import CONFIDENCE, quantile
from rsc_bench.harness.statistics.effects import Effects, Floats

PROBABLY = 0.84
"""Standard errors to spare, so that four of five repetitions would settle it: the 80 % point of the normal distribution."""
HOPELESS = 100.0
"""Times as many rounds: nobody waits for them."""


def times_as_many(found: Effects, room: Floats, chance: Floats) -> Floats:
    """Return by what to multiply the rounds so that the interval probably fits into `room`, a logarithm; at least 1.

    Args:
        found: what the rounds have said so far.
        room: half the width that the interval may have, and still settle it; infinity is returned for 0 and below.
        chance: one-sided chance that is to be undercut; NaN: that of the 95 % interval.

    The standard error falls with the square root of the rounds, and few rounds make the quantile of Student's t large.
    """
    probability = 1 - np.where(np.isnan(chance), (1 - CONFIDENCE) / 2, chance)
    more = np.ones_like(room)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        # A fixed point, each step between too few and too many: five of them are within one round.
        for _ in range(5):
            wanted = quantile(found.freedom * more, probability) + PROBABLY
            more = np.clip((wanted * found.error / room) ** 2, 1.0, HOPELESS + 1)
    return np.where((room > 0) & (more <= HOPELESS), more, np.inf)
