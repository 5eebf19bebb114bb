"""Turns a comparison into text, one output a file; here is what the outputs share."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from rsc_bench.harness.comparable import ACROSS
from rsc_bench.harness.compare import CHANGES, FAILING, MIN_ROUNDS, TOO_FEW, Comparison, Verdict

MARK = "written by rsc-bench compare"
"""Stands near the start of every file of ours, so that no other file is replaced by one."""
MANY, SHARE = 3, 0.1
"""A reason of at least so many cases, and of this share of those shown, is said once, below the table: ten notes at most."""
RATIO = "new / base: above 1 is slower, or larger"


def headline(comparison: Comparison) -> str:
    """Return the verdict on the whole in one sentence."""
    limit = f"(threshold {100 * comparison.threshold:g} %)"
    failing = Counter(word(verdict) for change in FAILING for verdict in comparison.verdicts if verdict.change == change)
    if failing:
        return f"FAIL: {', '.join(f'{count} {kind}' for kind, count in failing.items())} {limit}"
    if not comparison.common:
        return "CANNOT BE JUDGED: the two runs have no case in common"
    if comparison.exit_status:
        return f"CANNOT BE JUDGED: {comparison.counts['unclear']} of {comparison.common} common cases are unclear {limit}"
    return f"PASS: nothing is slower {limit}"


def word(verdict: Verdict) -> str:
    """Return the change in a word that fits its metric: an error is not slower, but worse."""
    words = {"slower": "worse", "faster": "better"} if verdict.metric != "time" else {}
    return words.get(verdict.change, verdict.change)


def name(verdict: Verdict) -> str:
    """Return the case, and what was compared of it where that is not its time; as it is in the file, to be made plain."""
    return str(verdict.case) if verdict.metric == "time" or verdict.ratio is None else f"{verdict.case}: {verdict.metric}"


def tally(comparison: Comparison) -> str:
    """Return how many cases came out which way."""
    counted = Counter(word(verdict) for change in CHANGES for verdict in comparison.verdicts if verdict.change == change)
    parts = [f"{count} {kind}" for kind, count in counted.items()]
    if comparison.not_judged:
        parts.append(f"{comparison.not_judged} not judged (measured on neither side)")
    return ", ".join(parts) or "no cases"


def remarks(comparison: Comparison) -> Iterator[str]:
    """Yield what a reader must know about the two files, their rounds and their machines, one line each."""
    if comparison.verdicts and not comparison.in_both:
        yield "no case is in both files: were they measured with the same --graph, --width and --budget?"
    yield from comparison.notes
    yield from (f"{round_}; measure into that file again to carry on" for round_ in comparison.unfinished)
    yield from _more_rounds(comparison)
    yield from _drift(comparison)
    yield from _environments(comparison)


def _more_rounds(comparison: Comparison) -> Iterator[str]:
    """The command that brings each file to the rounds that a judgement needs."""
    few = [
        verdict.rounds for verdict in comparison.verdicts if verdict.unit == "rounds" and (verdict.reason or "").startswith(TOO_FEW)
    ]
    for place, path in enumerate((comparison.base, comparison.new)):
        wanting = MIN_ROUNDS - min((rounds[place] for rounds in few), default=MIN_ROUNDS)
        if wanting > 0:
            command = f"pytest suites/ --benchmark --results {shlex.quote(str(path))} --rounds {wanting}"
            yield f"to add rounds, with the options of before: {command}"


def _drift(comparison: Comparison) -> Iterator[str]:
    """What no rule can tell from a change: a machine that became slower between the two files."""
    moved = [verdict for verdict in comparison.verdicts if verdict.change in {"slower", "faster"} and verdict.unit == "rounds"]
    if any(not verdict.paired and verdict.metric == "time" for verdict in moved):
        yield "the rounds were not taken in turns, so a drifting machine looks like a change: `python -m harness ab` takes them so"


def _environments(comparison: Comparison) -> Iterator[str]:
    for what, fields in comparison.obstacles.items():
        yield f"the {what} differ: {_pairs(comparison, fields)}"
    in_the_way = [what for what in ACROSS if any(_keeps(what, verdict) for verdict in comparison.verdicts)]
    if in_the_way:
        yield f"what differs is judged only with {' '.join(f'--across {what}' for what in in_the_way)}"
    if "machines" in in_the_way:
        yield "two devices' kernels are judged, by what each device can do, with --normalise"
    told = set(chain.from_iterable(comparison.obstacles.values()))
    others = [field for field in comparison.differences if field not in told]
    if others:
        yield f"also different: {_pairs(comparison, others)}"


def _pairs(comparison: Comparison, fields: Iterable[str]) -> str:
    pair = comparison.differences
    return "; ".join(f"{field} {pair[field][0]} -> {pair[field][1]}" for field in fields)


def _keeps(what: str, verdict: Verdict) -> bool:
    """Whether something that differs is why a case was not judged."""
    reason = verdict.reason or ""
    return verdict.change == "unclear" and (f"the {what} differ" in reason or (what == "graphs" and "the graph's" in reason))


@dataclass(frozen=True)
class Notes:
    """Reasons that many cases have, said once below the table and by number in its rows."""

    numbers: dict[str, int]
    """Each of these reasons with its number, from 1."""
    cases: Counter[str]
    """How many cases have each reason."""

    @classmethod
    def of(cls, verdicts: Sequence[Verdict]) -> Notes:
        """Return the notes of the verdicts that are shown."""
        cases = Counter(verdict.reason for verdict in verdicts if verdict.reason)
        common = [reason for reason, count in cases.items() if count >= max(MANY, SHARE * len(verdicts))]
        return cls({reason: number for number, reason in enumerate(common, 1)}, cases)

    def why(self, verdict: Verdict) -> str:
        """Return what stands in the row: the reason, or the number of the note that says it."""
        reason = verdict.reason or ""
        return f"[{self.numbers[reason]}]" if reason in self.numbers else reason

    def lines(self) -> list[str]:
        """Return what stands below the table, one line a note."""
        return [f"[{number}] {self.cases[reason]} cases: {reason}" for reason, number in self.numbers.items()]


def by_weight(comparison: Comparison) -> list[Verdict]:
    """Return the verdicts, what fails first, and of one kind the largest change first."""
    order = {change: place for place, change in enumerate(comparison.counts)}
    return sorted(comparison.verdicts, key=lambda verdict: (order[verdict.change], -abs((verdict.ratio or 1) - 1)))


def numbers(verdict: Verdict) -> tuple[str, str, str]:
    """Return ratio, interval and rounds as printed; empty where absent."""
    ratio = "" if verdict.ratio is None else f"{verdict.ratio:.3f}"
    interval = "" if verdict.interval is None else f"{verdict.interval[0]:.3f} to {verdict.interval[1]:.3f}"
    return ratio, interval, f"{verdict.rounds[0]}, {verdict.rounds[1]}"


def plain(text: str) -> str:
    """Return text from a file as one line without control characters: a name must not move the cursor or end a row."""
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)
