"""Turns what two runs say of their cases into verdicts, and into questions for the rule where both have values."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

import msgspec

from rsc_bench.harness.compare.criteria import Criterion
from rsc_bench.harness.compare.observed import Observed, Values
from rsc_bench.harness.compare.reasons import Broken, Differs, Missing, NoRatio, Obstacle, OneSided, TooFew, Unit
from rsc_bench.harness.compare.verdict import Change, Verdict
from rsc_bench.harness.records.case import Case
from rsc_bench.harness.statistics.effects import Sides
from rsc_bench.harness.statistics.rules import MIN_ROUNDS, Question


@dataclass(frozen=True)
class Open:
    """A verdict that waits for the rule."""

    draft: Verdict
    """All but what the numbers say."""
    question: Question
    obstacle: Differs | None = None
    """Why the values are not to be judged, though they may be shown; None where nothing stands in the way."""


@dataclass(frozen=True)
class Matching:
    """Two runs, and what is judged of them."""

    base: Mapping[Case, Observed]
    new: Mapping[Case, Observed]
    criteria: Sequence[Criterion]
    obstacle: Differs | None
    """Why no values of the two runs are to be judged; None where nothing stands in the way."""
    across: frozenset[str]
    """What is judged although it differs: ``graphs``, ``clocks``."""

    def cases(self) -> Iterator[list[Verdict | Open] | None]:
        """Yield what is said of each case, in the order of the base run; None where there is nothing to say."""
        partners = self._other_clocks()
        taken = set(partners.values())
        for case in {**self.base, **self.new}:
            if case not in taken:
                yield self._case(case, partners.get(case, case))

    def trainings(self) -> Iterator[Verdict | Open]:
        """Yield what is said of each training over its seeds."""
        for each in self.criteria:
            base, new = _over_seeds(self.base, each), _over_seeds(self.new, each)
            for case in base:
                found = self._metric(case, each, base[case], new.get(case, Observed()))
                yield from [found] if found else []

    def unknown(self) -> Iterator[str]:
        """Yield in words of how many cases of a side a metric is not known, and why, where that does not go without saying."""
        for title, side in (("base", self.base), ("new", self.new)):
            found = Counter(why for seen in side.values() for why in seen.unknown if why[0] not in seen.values)
            for (metric, reason), count in found.items():
                yield f"{metric} is not known of {count} {'case' if count == 1 else 'cases'} in {title}: {reason}"

    def _other_clocks(self) -> dict[Case, Case]:
        """Cases that were timed by one clock in base, and by another in new."""
        left = {_timed_by_any(case): case for case, seen in self.new.items() if case not in self.base and seen.places}
        gone = {case: _timed_by_any(case) for case, seen in self.base.items() if case not in self.new and seen.places}
        return {case: left[key] for case, key in gone.items() if key in left}

    def _case(self, case: Case, other: Case) -> list[Verdict | Open] | None:
        base, new = self.base.get(case, Observed()), self.new.get(other, Observed())
        alone = self._alone(case, base, new)
        if new.broken and new.trouble and (base.places or new.trouble[0] != "skipped"):
            return [_broken(alone, base, *new.trouble)]
        if not base.places:
            return [alone] if new.places else None
        if not new.places:
            return [replace(alone, change="missing", reason=Missing())]
        if case.seed is not None:
            return []  # with the other seeds
        clocks = None if case == other else _differs("clocks", (case.clock, other.clock))
        found = (self._metric(case, each, base, new, clocks) for each in self.criteria)
        return [verdict for verdict in found if verdict]

    def _alone(self, case: Case, base: Observed, new: Observed) -> Verdict:
        """What there is to say of a case without comparing, by what would be compared first."""
        first = self.criteria[0]
        values = _middle(base.values_of(first)), _middle(new.values_of(first))
        rounds = len(base.places), len(new.places)
        return Verdict(case, "new", rounds=rounds, metric=first.metric.name, values=values, value_unit=first.metric.unit)

    def _metric(
        self, case: Case, each: Criterion, base: Observed, new: Observed, clocks: Differs | None = None
    ) -> Verdict | Open | None:
        """What is said of one metric of one case that both sides have measured; None where neither has its value."""
        before, after = base.values_of(each), new.values_of(each)
        if not before and not after:
            return None
        if not before or not after:
            reason = OneSided(each.metric.name, "base" if before else "new")
            values = _middle(before), _middle(after)
            return _draft(case, each, change="unclear" if before else "new", reason=reason, values=values)
        return _opened(case, each, before, after, self._obstacle(base, new, clocks))

    def _obstacle(self, base: Observed, new: Observed, clocks: Differs | None) -> Differs | None:
        """Why the values of one case are not to be compared, or None."""
        if self.obstacle:
            return self.obstacle
        # Two graphs under one name, as when a file was changed; None is of a run that did not say.
        if "graphs" not in self.across and len((base.digests | new.digests) - {None}) > 1:
            return _differs("graphs")
        return None if "clocks" in self.across else clocks


def _broken(alone: Verdict, base: Observed, status: str, message: str) -> Verdict:
    """The verdict on a case that is wrong, fails or cannot be measured in new: it fails, unless base was no better."""
    before = base.before
    change: Change = "still broken" if before in ("wrong", "failed") else "broken"
    return replace(alone, change=change, reason=Broken(status, message, before))


def _differs(obstacle: Obstacle, respects: tuple[str, ...] = ()) -> Differs:
    return Differs(((obstacle, respects),))


def _timed_by_any(case: Case) -> Case:
    return msgspec.structs.replace(case, clock="")


def _over_seeds(seen: Mapping[Case, Observed], criterion: Criterion) -> dict[Case, Observed]:
    """What a run says of each training over its seeds.

    A seed that is trained again takes another time, but becomes the same model: of a model's metric a seed has one value.
    """
    found: dict[Case, Observed] = defaultdict(Observed)
    for case, entry in seen.items():
        own = entry.values_of(criterion)
        if case.seed is not None and own:
            together = found[msgspec.structs.replace(case, seed=None)]
            values = together.values.setdefault(criterion.metric.name, {})
            values |= {("seed", case.seed, None): median(own.values())} if criterion.in_points else own
            together.digests |= entry.digests
    return dict(found)


def _draft(case: Case, each: Criterion, **known: Any) -> Verdict:
    higher = each.metric.better == "higher"
    return Verdict(
        case,
        **{"change": "unclear", **known},
        metric=each.metric.name,
        higher_is_better=higher,
        unit=_unit(case, each),
        value_unit=each.metric.unit,
    )


def _unit(case: Case, each: Criterion) -> Unit:
    if case.model is None:
        return "rounds"
    return "seeds" if each.in_points else "trainings"


def _middle(values: Values) -> float | None:
    return median(values.values()) if values else None


def _opened(case: Case, each: Criterion, before: Values, after: Values, obstacle: Differs | None) -> Verdict | Open:
    """The question to the rule; the verdict at once where there is nothing to ask."""
    sides = _sides(before, after)
    rounds = len(sides.base), len(sides.new)
    middle, after_middle = median(sides.base), median(sides.new)
    known: dict[str, Any] = {"rounds": rounds, "paired": sides.paired, "values": (middle, after_middle)}
    distinct = {*sides.base, *sides.new}
    if min(distinct) <= 0 or math.inf in distinct:
        if distinct in ({0.0}, {math.inf}) and obstacle is None and min(rounds) >= MIN_ROUNDS:
            return _draft(case, each, **known, change="same", ratio=1.0)
        return _draft(case, each, **known, reason=NoRatio(each.metric.name, middle, after_middle))
    margin = each.share(middle)
    known |= {"ratio": after_middle / middle, "margin": margin}
    if min(rounds) < MIN_ROUNDS:
        few = obstacle or TooFew(_unit(case, each), rounds)
        return _draft(case, each, **known, reason=few, rounds_needed=None if obstacle else MIN_ROUNDS)
    draft = _draft(case, each, **known)
    kind = (each.metric.name, case.suite, case.device, case.clock)
    return Open(draft, Question(sides, margin, kind, draft.higher_is_better), obstacle)


def _sides(before: Values, after: Values) -> Sides:
    """The values of both sides, paired where enough rounds of both were taken in turns."""
    pairs = [place for place in before if place[0] is not None and place in after]
    if len(pairs) >= MIN_ROUNDS:
        return Sides([before[place] for place in pairs], [after[place] for place in pairs], paired=True)
    return Sides(list(before.values()), list(after.values()))
