"""Why a case is broken, missing or unclear, as data; `harness.output.wording` has the sentence for each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from rsc_bench.harness.statistics.rules import Looks

Obstacle = Literal["machines", "versions", "graphs", "clocks"]
"""What may differ between two runs and keep their numbers from being compared."""
Unit = Literal["rounds", "trainings", "seeds"]
"""What repeats a measurement."""
Cause = Literal["device", "kernel"]
Before = Literal["measured", "absent", "skipped", "wrong", "failed"]
"""What base says of a case: a time, nothing, or the status of its records."""


@dataclass(frozen=True)
class Broken:
    """The new run found the case wrong, failing, or not to be measured at all."""

    status: str
    """Of the record: ``wrong``, ``failed``, ``skipped``."""
    message: str
    """The record's own reason."""
    before: Before = "measured"
    """What base says of it: where it was wrong or failed there, too, the new run has broken nothing."""


@dataclass(frozen=True)
class Missing:
    """The case was measured in base, and is not in the new run."""


@dataclass(frozen=True)
class OneSided:
    """A metric has a value on one side only."""

    metric: str
    side: Literal["base", "new"]
    """The side that has it."""


@dataclass(frozen=True)
class NoRatio:
    """A value is 0, negative or infinite, so that there is no ratio."""

    metric: str
    base: float
    """Median of base's values."""
    new: float


@dataclass(frozen=True)
class TooFew:
    """Too few rounds, trainings or seeds to judge by."""

    unit: Unit
    has: tuple[int, int]
    """In base and in new."""


@dataclass(frozen=True)
class Differs:
    """Something differs between the two runs that keeps numbers from being compared."""

    obstacles: tuple[tuple[Obstacle, tuple[str, ...]], ...]
    """What differs, and in which respects: fields of the environment, or base's clock and new's; none for graphs."""

    def names(self, obstacle: Obstacle) -> bool:
        """Return whether this is among what differs."""
        return any(obstacle == name for name, _ in self.obstacles)


@dataclass(frozen=True)
class Undecided:
    """The numbers neither show a change nor rule one out."""

    looks: Looks
    """What it would be if the ratio were sure."""
    unit: Unit
    more: int | None
    """Further rounds on each side that would probably settle it; None: hardly any number would."""
    judged_cases: int
    """Cases that were judged together, this one among them."""


@dataclass(frozen=True)
class NoCeiling:
    """Neither ceiling of the device is known on both sides, so the time cannot be set against what the device can do."""


@dataclass(frozen=True)
class Explained:
    """What a change in time between two devices comes from."""

    cause: Cause | None
    time_ratio: float
    """New over base."""
    shares: tuple[tuple[str, float, float], ...]
    """Name of each ceiling, and the percent of it that base and new reached."""


Reason = Broken | Missing | OneSided | NoRatio | TooFew | Differs | Undecided | NoCeiling | Explained
