"""Turns the rounds of a results file into what a reader should doubt of it: a machine that was busy, too few rounds to judge by."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from rsc_bench.harness.machine.findings import host
from rsc_bench.harness.records.case import Case
from rsc_bench.harness.records.run import Record, Round
from rsc_bench.harness.statistics.rules import MIN_ROUNDS
from rsc_bench.optional import absent
from rsc_bench.text import again, call

UNSTEADY = 2.0
"""Slowest over fastest round of a case from which something else was measured: undisturbed rounds lie within a third."""


def doubts(rounds: Sequence[tuple[Round, Sequence[Record]]], path: Path) -> Iterator[str]:
    """Yield a line for each doubt about the times of a results file, whose path is for the command that adds rounds."""
    times = _fastest_of_rounds(rounds)
    apart = [max(each) / min(each) for each in times.values()]
    unsteady = [factor for factor in apart if factor > UNSTEADY]
    if unsteady:
        yield (
            f"warning: {len(unsteady)} of {len(times)} cases took more than twice as long in one round as in another (up to "
            f"{max(unsteady):,.0f} times), so the machine was busy: measure again when it is not, `{call('doctor')}` looks"
        )
    few = [len(each) for case, each in times.items() if case.model is None and len(each) < MIN_ROUNDS]
    if few:
        more = again(rounds[-1][0].options or (), path, MIN_ROUNDS - min(few))
        yield f"note:    `compare` judges from {MIN_ROUNDS} rounds on, and some cases have {min(few)}: {more}"


def busy_share() -> float | None:
    """Return the share of all cores that other programs take now, in [0, 1]; None where that is not known.

    Takes a third of a second.
    """
    try:
        return min(1.0, host.busy_percent(host.LOAD_S) / 100)
    except ModuleNotFoundError:
        return None


def busy(share: float | None) -> str | None:
    """Return what `doctor` would say of other programs that take so much; None where the machine is quiet."""
    if share is None:
        return f"note:    whether other programs keep the cores busy is not known: {absent('psutil')}"
    found = host.load(100 * share)
    return None if found.state == "ok" else f"warning: {found.summary}: {found.remedy}"


def _fastest_of_rounds(rounds: Sequence[tuple[Round, Sequence[Record]]]) -> dict[Case, list[float]]:
    """The fastest call of each round in which a case was measured."""
    found: dict[Case, list[float]] = defaultdict(list)
    for _, records in rounds:
        for record in records:
            if record.measurement is not None:
                found[record.case].append(record.measurement.timing.fastest_s)
    return dict(found)
