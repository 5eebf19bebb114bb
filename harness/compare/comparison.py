"""Turns two runs into one verdict per case, and the verdicts into an exit status."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any

from rsc_bench.harness.compare import USUAL_RULE
from rsc_bench.harness.compare.criteria import criteria
from rsc_bench.harness.compare.matching import Matching, Open
from rsc_bench.harness.compare.namesakes import Namesakes, aligned
from rsc_bench.harness.compare.observed import Observed, observed
from rsc_bench.harness.compare.obstacles import Apart, apart, check_across, differs, find_obstacles
from rsc_bench.harness.compare.reasons import Obstacle, Undecided
from rsc_bench.harness.compare.verdict import CHANGES, Change, Verdict
from rsc_bench.harness.records.case import Case
from rsc_bench.harness.records.environments import differences
from rsc_bench.harness.records.run import Records
from rsc_bench.harness.statistics.rules import Answer, Rule
from rsc_bench.plugins import PluginError, find

ITSELF = "base and new are the same file, so that nothing can differ"
"""The note where a run is compared with itself."""


@dataclass(frozen=True)
class Comparison:
    """Two runs side by side: every verdict, and what else differs between them."""

    base: Path
    new: Path
    threshold: float
    """Share by which a value must change to count, 0.05 for 5 %, where its metric has no margin of its own."""
    verdicts: tuple[Verdict, ...]
    """In the order of the base run, then what only the new run has, then the trainings, over their seeds."""
    not_judged: int
    """Cases that have no time in base, and in new were skipped or are not there."""
    differences: dict[str, tuple[Any, Any]]
    """Fields of the environments that differ, with base's and new's value."""
    obstacles: dict[Obstacle, tuple[str, ...]]
    """Those of the fields that make numbers incomparable, by what they are: ``machines``, ``versions``."""
    in_both: int
    """Cases with a record on both sides, whatever its status."""
    unfinished: tuple[str, ...]
    """Each round of either run that stopped before its last case, in words."""
    across: frozenset[str] = field(default=frozenset())
    """What was judged although it differs: ``machines``, ``versions``, ``graphs``, ``clocks``."""
    notes: tuple[str, ...] = ()
    """What else a reader must know, one line each."""
    environment: dict[str, Any] = field(default_factory=dict)
    """Environment of the new run."""
    titles: tuple[str, str] | None = None
    """What base and new are called where they are parts of one file; None where each is a file."""
    apart: tuple[Apart, ...] = ()
    """Where no case is in both: in which fields those of base are never like those of new."""
    options: tuple[tuple[str, ...] | None, tuple[str, ...] | None] = (None, None)
    """What the last session of base and of new was asked for, as suites and options of a command line; None: not known."""

    @property
    def machines(self) -> tuple[str, ...]:
        """The fields that make numbers of two machines: CPU, and GPU where a case ran on one."""
        return self.obstacles.get("machines", ())

    @property
    def counts(self) -> dict[Change, int]:
        """How many cases came out which way, every way named."""
        counted = Counter(verdict.change for verdict in self.verdicts)
        return {change: counted[change] for change in CHANGES}

    @property
    def common(self) -> int:
        """Cases with a value on both sides."""
        return sum(verdict.ratio is not None for verdict in self.verdicts)

    @property
    def exit_status(self) -> int:
        """0 nothing slower; 1 slower, missing or broken; 3 cannot be judged.

        An improvement never fails, nor does a likely one, nor what was broken in base already, nor what the user has accepted.
        """
        if any(verdict.fails for verdict in self.verdicts):
            return 1
        open_ones = any(verdict.change == "unclear" and not verdict.no_slower for verdict in self.verdicts)
        return 3 if open_ones or not self.common else 0


def compare(  # noqa: PLR0913  (an argument an option of the command)
    base: Records,
    new: Records,
    threshold: float = 0.05,
    metrics: Mapping[str, float | None] | None = None,
    across: Collection[str] = (),
    rule: str = USUAL_RULE,
) -> Comparison:
    """Return one verdict per case, and metric, of two runs.

    Args:
        base: what to compare against.
        new: what is judged.
        threshold: share by which a value must change to count, in (0, 1).
        metrics: names of what is compared, each with a margin of its own or None; without any, the time.
        across: what is judged although it differs: ``machines``, ``versions``, ``graphs``, ``clocks``.
        rule: name of the decision rule.

    A run against itself is the same in every case that it has measured, however few its rounds are; another rule than the usual one
    is asked all the same.

    Raises ValueError for a threshold, a metric, an `across` or a rule that is none, `PluginError` for a rule that leaves cases out.
    """
    wanted = criteria(threshold, metrics or {})
    check_across(across)
    (of_base, base_options), (of_new, new_options) = observed(base, wanted), observed(new, wanted)
    seen, namesakes = _side_by_side(of_base, of_new)
    differ = differences(base.environment, new.environment)
    obstacles = find_obstacles(differ, any(case.device.startswith("cuda") for case in chain(*seen)))
    matching = Matching(*seen, wanted, differs(obstacles, across), frozenset(across))
    cases = list(matching.cases())
    found = [*chain.from_iterable(case for case in cases if case), *matching.trainings()]
    itself = _is_itself(base, new)
    in_both = len(seen[0].keys() & seen[1].keys())
    return Comparison(
        base.path,
        new.path,
        threshold,
        tuple(_closed([_unchanged(entry, rule) for entry in found] if itself else found, find("rule", rule))),
        cases.count(None),
        differ,
        obstacles,
        in_both=in_both,
        unfinished=tuple(f"{run.path}: {each}" for run in (base, new) for each in run.unfinished),
        across=frozenset(across),
        notes=(*((ITSELF,) if itself else ()), *namesakes.sentences, *matching.unknown()),
        environment=new.environment,
        apart=() if in_both else apart(*seen),
        options=(base_options, new_options),
    )


Seen = dict[Case, Observed]


def _side_by_side(base: Seen, new: Seen) -> tuple[tuple[Seen, Seen], Namesakes]:
    """The cases of two runs, those that only their graph's contents tell apart under one name, other namesakes under their own."""
    called = aligned(base, new)
    new = {called.get(case, case): entry for case, entry in new.items()}
    names = Namesakes(chain(base, new))
    base, new = ({names.called(case): entry for case, entry in side.items()} for side in (base, new))
    return (base, new), names


def _is_itself(base: Records, new: Records) -> bool:
    """Whether two runs are one: read from one file, or from a copy of it. No two measurements have the same samples."""
    if base is new:
        return True
    # Of two runs the first records differ already.
    entries = zip_longest(base.entries(), new.entries())
    alike = base.environment == new.environment and all(one == other for one, other in entries)
    return alike and any(True for _ in base.entries())


def _unchanged(entry: Verdict | Open, rule: str) -> Verdict | Open:
    """The verdict on a case against itself: the same, whatever its noise is; a rule of the user's own is asked all the same."""
    if isinstance(entry, Open) and rule != USUAL_RULE:
        return entry
    draft = entry.draft if isinstance(entry, Open) else entry
    if draft.change == "still broken":
        return draft
    return replace(draft, change="same", ratio=1.0, reason=None, rounds_needed=None)


def _closed(found: Sequence[Verdict | Open], rule: Rule) -> list[Verdict]:
    """The verdicts, those that waited for the rule with its answers."""
    questions = [entry.question for entry in found if isinstance(entry, Open)]
    given: list[Answer] = rule.answer("judge", Sequence[Answer], rule.judge(questions))
    if len(given) != len(questions):
        raise PluginError(f"rule {rule.name!r}: must answer each of {len(questions)} questions (got {len(given)} answers)")
    answers = iter(given)
    return [_answered(entry, next(answers), len(questions)) if isinstance(entry, Open) else entry for entry in found]


def _answered(entry: Open, answer: Answer, judged_cases: int) -> Verdict:
    numbers: dict[str, Any] = {"ratio": answer.ratio, "interval": answer.interval}
    if entry.obstacle is not None:
        return replace(entry.draft, **numbers, reason=entry.obstacle)
    return replace(
        entry.draft,
        **numbers,
        change=answer.change,
        chance=answer.chance,
        chance_limit=answer.chance_limit,
        rounds_needed=answer.rounds_needed,
        no_slower=answer.no_slower,
        reason=_unclear(answer, entry.draft, judged_cases) if answer.change == "unclear" else None,
    )


def _unclear(answer: Answer, verdict: Verdict, judged_cases: int) -> Undecided:
    more = None if answer.rounds_needed is None else answer.rounds_needed - min(verdict.rounds)
    return Undecided(answer.looks, verdict.unit, more, judged_cases)
