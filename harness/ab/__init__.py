"""Two sides measured in turns, a round of each: what was slow for a while was slow for both."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


class AlternatingError(Exception):
    """Sides that cannot be measured; the message says what is wrong and what to do."""


@dataclass(frozen=True)
class Side:
    """One of the two that are compared."""

    name: str
    """``base``, ``new``, with what stands behind it: ``new (the working tree)``."""
    folder: Path
    """The checkout whose suites are run."""
    results: Path
    """The results file that its rounds go to; there is none yet."""
    options: tuple[str, ...] = ()
    """Options of the suites for this side alone."""


def turns(rounds: int) -> list[tuple[int, int]]:
    """Return whose turn it is, as the index of a round, from 1, and the place of a side, 0 or 1: A B, B A, A B, ...

    The two rounds of an index are neighbours, and who comes first alternates: a machine that gets slower at a steady pace
    slows both sides by the same.
    """
    return [(index, side) for index in range(1, rounds + 1) for side in ((0, 1) if index % 2 else (1, 0))]
