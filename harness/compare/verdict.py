"""What became of one case between two runs, as data: a verdict, with its numbers and its reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from rsc_bench.harness.compare.reasons import Cause, Reason, Unit
from rsc_bench.harness.records.case import Case

Change = Literal["slower", "broken", "missing", "still broken", "unclear", "faster", "new", "same"]
"""What became of a case: what the decision rule says of its numbers, and what there is to say without any."""

CHANGES: tuple[Change, ...] = ("slower", "broken", "missing", "still broken", "unclear", "faster", "new", "same")
"""Every one, in the order in which a reader wants them."""
FAILING: tuple[Change, ...] = ("slower", "broken", "missing")
"""Those that make a comparison fail."""


@dataclass(frozen=True)
class Verdict:
    """What became of one case between two runs."""

    case: Case
    """Of a training that both sides have, without its seed: its seeds are compared together."""
    change: Change
    """``slower`` is worse and ``faster`` is better, also where the metric is no time."""
    ratio: float | None = None
    """New value over base value; None where a side has none."""
    interval: tuple[float, float] | None = None
    """95 % confidence interval of the ratio; None with fewer than 3 rounds on a side."""
    rounds: tuple[int, int] = (0, 0)
    """Rounds with a value, in base and in new; of trainings, these or their seeds."""
    reason: Reason | None = None
    """Why it is unclear, missing or broken, or what a change between two devices comes from; None where the numbers say it."""
    metric: str = "time"
    """What was compared; of a case that is missing, new or broken, what was to be compared first."""
    margin: float | None = None
    """Share by which the ratio must change to matter, 0.05 for 5 %; None where nothing was compared."""
    higher_is_better: bool = False
    """Whether a ratio above 1 is an improvement."""
    unit: Unit = "rounds"
    """What repeats the measurement; of the metric of a trained model ``seeds``: trained again with one, it is the same model."""
    paired: bool = False
    """Whether each round of base was compared with the one of new that was taken beside it."""
    chance: float | None = None
    """Chance of a change in this direction as large as this one where nothing changed, for this case by itself."""
    chance_limit: float | None = None
    """What that chance must not exceed to count, among all the cases of the comparison."""
    rounds_needed: int | None = None
    """Rounds on each side that would probably settle an unclear one; None where it is not, or where none would."""
    no_slower: bool = False
    """Whether a change for the worse that matters is ruled out, also where it is unclear whether anything became better."""
    cause: Cause | None = None
    """Whose a change in time is between two devices; None where there is none, where it is unclear, and on one device."""
    parts: tuple[Verdict, ...] = ()
    """What it was put together from, between two devices: the verdict on the time, and that at each ceiling."""
    values: tuple[float | None, float | None] = (None, None)
    """Base's value and new's, each the median over its rounds; None where a side has none."""
    value_unit: str = ""
    """Unit of the values, ``s`` of a time."""
    accepted: str | None = None
    """The user's reason for accepting it, so that it does not fail; None where it is not accepted."""

    @property
    def fails(self) -> bool:
        """Whether it makes the comparison fail."""
        return self.change in FAILING and self.accepted is None
