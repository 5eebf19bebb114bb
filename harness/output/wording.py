"""The sentences that the outputs of a comparison share: its headline, why a case is so, and what a reader must know beside it."""

from __future__ import annotations

import math
import shlex
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from rsc_bench import files
from rsc_bench.harness.compare.comparison import Comparison
from rsc_bench.harness.compare.obstacles import ACROSS, Apart
from rsc_bench.harness.compare.reasons import (
    Broken,
    Differs,
    Explained,
    Missing,
    NoCeiling,
    NoRatio,
    Obstacle,
    OneSided,
    Reason,
    TooFew,
    Undecided,
)
from rsc_bench.harness.compare.verdict import CHANGES, Verdict
from rsc_bench.harness.output.units import between, ratio, shown
from rsc_bench.harness.statistics.rules import MIN_ROUNDS
from rsc_bench.text import NEVER, again, call

MARK = f"{files.MARK} compare"
"""Stands near the start of every file of ours, so that no other file is replaced by one."""
MANY, SHARE = 3, 0.1
"""A reason of at least so many cases, and of this share of those shown, is said once, below the table: ten notes at most."""
RATIO = "new / base: above 1 is slower, or larger"
VALUES = "the median over the rounds, of a time each round's fastest call"


def headline(comparison: Comparison) -> str:
    """Return the verdict on the whole in one sentence."""
    limit = f"(threshold {100 * comparison.threshold:g} %)"
    failing = _counted(verdict for verdict in comparison.verdicts if verdict.fails)
    if failing:
        return f"FAIL: {failing} {limit}"
    if not comparison.common:
        return f"CANNOT BE JUDGED: {'no case is measured on both sides' if comparison.in_both else _NO_CASE}"
    if comparison.exit_status:
        return f"CANNOT BE JUDGED: {comparison.counts['unclear']} of {comparison.common} common cases are unclear {limit}"
    accepted = _counted(verdict for verdict in comparison.verdicts if verdict.accepted)
    return f"PASS: nothing is slower{f' but what is accepted: {accepted}' if accepted else ''} {limit}"


_NO_CASE = "the two runs have no case in common"


def _counted(verdicts: Iterable[Verdict]) -> str:
    """How many of the verdicts came out which way, the gravest first: ``1 slower, 2 missing``."""
    found = list(verdicts)
    counted = Counter(_marked(verdict) for change in CHANGES for verdict in found if verdict.change == change)
    return ", ".join(f"{count} {kind}" for kind, count in counted.items())


def word(verdict: Verdict) -> str:
    """Return the change in a word that fits its metric: an error is not slower, but worse."""
    words = {"slower": "worse", "faster": "better"} if verdict.metric != "time" else {}
    return words.get(verdict.change, verdict.change)


def _marked(verdict: Verdict) -> str:
    return word(verdict) + (" (accepted)" if verdict.accepted else "")


def change_text(verdict: Verdict) -> str:
    """Return the change as a row shows it, and whether the user has accepted it."""
    return word(verdict) + (", accepted" if verdict.accepted else "")


def why_text(verdict: Verdict) -> str:
    """Return why a case is so, and before it why the user has accepted that; empty where there is nothing to say."""
    accepted = f"accepted: {verdict.accepted}" if verdict.accepted else ""
    return "; ".join(text for text in (accepted, reason_text(verdict.reason)) if text)


def name(verdict: Verdict) -> str:
    """Return the case, and what was compared of it where that is not its time; as it is in the file, to be made plain."""
    return str(verdict.case) if verdict.metric == "time" or verdict.ratio is None else f"{verdict.case}: {verdict.metric}"


def counts_line(comparison: Comparison) -> str:
    """Return in words how many cases came out which way."""
    neither = f"{comparison.not_judged} not judged (no time on either side)" if comparison.not_judged else ""
    return ", ".join(part for part in (_counted(comparison.verdicts), neither) if part) or "no cases"


def remarks(comparison: Comparison) -> Iterator[str]:
    """Yield what a reader must know about the two files, their rounds and their machines, one line each."""
    if comparison.verdicts and not comparison.in_both and not comparison.common:
        yield _no_common(comparison)
    yield from comparison.notes
    yield from (f"{round_}; measure into that file again to carry on" for round_ in comparison.unfinished)
    yield from _more_rounds(comparison)
    yield from _drift(comparison)
    yield from _environments(comparison)


_OF_PRODUCTS = ("graph", "width", "kernel", "budget", "dtype", "device", "clock", "reduce", "reorder", "memory")
_OPTIONS = (*_OF_PRODUCTS, "model", "layers", "epochs")
"""Fields of a case that an option of the suites of the same name decides."""
_FEW = 3
"""Values of a field that are named."""


def _no_common(comparison: Comparison) -> str:
    """In which fields the cases of the two files differ, and what to measure so that they do not."""
    if not comparison.apart:
        return "no case is in both files: no field differs in all of them, but no case has them all alike (--all lists both sides)"
    told = "; ".join(f"{each.field} is {_some(each.base)} in base and {_some(each.new)} in new" for each in comparison.apart)
    options = [f"--{each.field} {shlex.quote(str(value))}" for each in comparison.apart for value in _measurable(each)]
    remedy = f": measure new again, as base was, with {' '.join(options)}" if options else ""
    return f"no case is in both files: {told}{remedy}"


def _some(values: Sequence[object]) -> str:
    said = [_value(value) for value in values[:_FEW]]
    return ", ".join(said) + (f" and {len(values) - _FEW} more" if len(values) > _FEW else "")


def _value(value: object) -> str:
    return "none" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _measurable(apart: Apart) -> Sequence[object]:
    """Base's values of a field, where options can ask for them."""
    return [value for value in apart.base[:_FEW] if value is not None] if apart.field in _OPTIONS else []


def _more_rounds(comparison: Comparison) -> Iterator[str]:
    """The command that brings each file to the rounds that a judgement needs."""
    few = [
        verdict.rounds for verdict in comparison.verdicts if isinstance(verdict.reason, TooFew) and verdict.reason.unit == "rounds"
    ]
    wanting = {comparison.base: 0, comparison.new: 0}  # one where both sides are of one file
    for place, path in enumerate((comparison.base, comparison.new)):
        wanting[path] = max(wanting[path], MIN_ROUNDS - min((rounds[place] for rounds in few), default=MIN_ROUNDS))
    options = dict(zip((comparison.base, comparison.new), comparison.options, strict=True))
    for path, rounds in wanting.items():
        if rounds > 0 and path.suffix != ".jsonl":  # of another program
            yield f"to add rounds: give {rounds} more files beside {path}, each of one run"
        elif rounds > 0:
            known = options[path] is not None
            command = again(options[path] or (), path, rounds)
            yield f"to add rounds{'' if known else ', with the options of before'}: {command}"


def _drift(comparison: Comparison) -> Iterator[str]:
    """What no rule can distinguish from a change: a machine that became slower between the two files."""
    moved = [verdict for verdict in comparison.verdicts if verdict.change in {"slower", "faster"} and verdict.unit == "rounds"]
    if any(not verdict.paired and verdict.metric == "time" for verdict in moved):
        yield f"the rounds were not taken in turns, so a drifting machine looks like a change: `{call('ab')}` takes them so"


def _environments(comparison: Comparison) -> Iterator[str]:
    for obstacle, fields in comparison.obstacles.items():
        yield f"the {obstacle} differ: {_pairs(comparison, fields)}"
    in_the_way = [obstacle for obstacle in ACROSS if any(_prevents(obstacle, verdict) for verdict in comparison.verdicts)]
    if in_the_way:
        yield f"what differs is judged only with {' '.join(f'--across {obstacle}' for obstacle in in_the_way)}"
    if "machines" in in_the_way:
        yield "two devices' kernels are judged, by what each device can do, with --normalise"
    named = set(chain.from_iterable(comparison.obstacles.values()))
    others = [field for field in comparison.differences if field not in named]
    if others:
        yield f"also different: {_pairs(comparison, others)}"


def _pairs(comparison: Comparison, fields: Iterable[str]) -> str:
    pair = comparison.differences
    return "; ".join(f"{field} {pair[field][0]} -> {pair[field][1]}" for field in fields)


def _prevents(obstacle: Obstacle, verdict: Verdict) -> bool:
    """Whether something that differs is why a case was not judged."""
    return verdict.change == "unclear" and isinstance(verdict.reason, Differs) and verdict.reason.names(obstacle)


def reason_text(reason: Reason | None) -> str:
    """Return a reason in words; empty where there is none."""
    return "" if reason is None else _sentence(reason)


def _sentence(reason: Reason) -> str:  # noqa: PLR0911  (a sentence for each)
    match reason:
        case Broken():
            return f"{_before(reason)}{reason.status}: {reason.message}"
        case Missing():
            return "measured in base, absent in new"
        case OneSided():
            return f"{reason.metric} is known in {reason.side} only"
        case NoRatio():
            base, new = (NEVER if value == math.inf else f"{value:g}" for value in (reason.base, reason.new))
            return f"a ratio needs finite values above 0 in every round ({reason.metric} {base} -> {new})"
        case TooFew():
            return f"needs at least {MIN_ROUNDS} {reason.unit} on each side (has {reason.has[0]} and {reason.has[1]})"
        case Differs():
            return "; ".join(_difference(obstacle, respects) for obstacle, respects in reason.obstacles)
        case Undecided():
            return _undecided(reason)
        case NoCeiling():
            return "no ceiling on both sides to normalise its time by"
        case Explained():
            return _explained(reason)


def _before(reason: Broken) -> str:
    """What base says of a case that is broken in new, where it has no time there either."""
    return "" if reason.before == "measured" else f"{reason.before} in base, in new "


def _difference(obstacle: Obstacle, respects: tuple[str, ...]) -> str:
    if obstacle == "graphs":
        return "the graph's contents differ"
    if obstacle == "clocks":
        return f"the clocks differ ({respects[0]} in base, {respects[1]} in new)"
    return f"the {obstacle} differ ({', '.join(respects)})"


def _explained(reason: Explained) -> str:
    """Whose a change in time is, and how near each side came to what its device can do."""
    sides = ", ".join(f"{base:.3g} % -> {new:.3g} % of {ceiling}" for ceiling, base, new in reason.shares)
    whose = f"the {reason.cause}'s: " if reason.cause else ""
    return f"{whose}time {ratio(reason.time_ratio)}, {sides}"


def _undecided(reason: Undecided) -> str:
    """Why it is unclear, and how many rounds would probably settle it."""
    settle = f"more {reason.unit} would hardly settle it"
    if reason.more is not None:
        settle = f"about {reason.more} more {reason.unit} on each side"
    if reason.looks == "same":
        return f"looks same, but the interval is too wide to say: {settle}"
    return f"looks {reason.looks}, but may be chance (one of {reason.judged_cases} judged): {settle}"


@dataclass(frozen=True)
class Notes:
    """Reasons that many cases have, said once below the table and by number in its rows."""

    numbers: dict[str, int]
    """Each of these reasons with its number, from 1."""
    cases: Counter[str]
    """How many cases have each reason."""

    @classmethod
    def from_verdicts(cls, verdicts: Sequence[Verdict]) -> Notes:
        """Return the notes of the verdicts that are shown."""
        cases = Counter(why for verdict in verdicts if (why := why_text(verdict)))
        common = [reason for reason, count in cases.items() if count >= max(MANY, SHARE * len(verdicts))]
        return cls({reason: number for number, reason in enumerate(common, 1)}, cases)

    def why(self, verdict: Verdict) -> str:
        """Return what stands in the row: the reason, or the number of the note that says it."""
        reason = why_text(verdict)
        return f"[{self.numbers[reason]}]" if reason in self.numbers else reason

    def lines(self) -> list[str]:
        """Return what stands below the table, one line a note."""
        return [f"[{number}] {self.cases[reason]} cases: {reason}" for reason, number in self.numbers.items()]


def by_weight(comparison: Comparison) -> list[Verdict]:
    """Return the verdicts, what fails first, then what is accepted, and of one kind the largest change first."""
    order = {change: place for place, change in enumerate(CHANGES)}

    def weight(verdict: Verdict) -> tuple[bool, int, float]:
        return not verdict.fails, order[verdict.change], -abs((verdict.ratio or 1) - 1)

    return sorted(comparison.verdicts, key=weight)


def numbers(verdict: Verdict) -> tuple[str, str, str]:
    """Return ratio, interval and rounds as printed; empty where absent."""
    shown_ratio = "" if verdict.ratio is None else ratio(verdict.ratio)
    interval = "" if verdict.interval is None else between(*verdict.interval)
    return shown_ratio, interval, f"{verdict.rounds[0]}, {verdict.rounds[1]}"


def sides(verdict: Verdict) -> tuple[str, str]:
    """Return base's value and new's in a fitting unit, ``1.020 ms``; empty where absent."""
    base, new = shown(verdict.values, verdict.value_unit)
    return base, new
