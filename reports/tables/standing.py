"""Turns histories into where each case stands: whether its newest change point is a slowdown; as text, and for programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import unescape
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from rsc_bench.harness.output.console import Screen, drawn
from rsc_bench.harness.statistics.change_points import MIN_RUNS, MIN_STAY, ChangePoint
from rsc_bench.reports.tables.histories import History, Series
from rsc_bench.text import plain

SLOWER, NOT_JUDGED = 1, 3
"""Exit statuses: where the newest change point of a case is a slowdown; where no case has runs enough to have one."""


@dataclass(frozen=True)
class Standing:
    """Where the cases of some machines stand."""

    histories: tuple[History, ...]
    """Escaped, as the page has them."""
    within: int | None
    """Newest runs of each machine of which a change point must be one to count; None: all runs."""
    without: tuple[str, ...]
    """Each file that is of no history, in words."""

    @property
    def exit_status(self) -> int:
        """0, `SLOWER` or `NOT_JUDGED`."""
        if not any(judged(series) for history in self.histories for series in history.series):
            return NOT_JUDGED
        return SLOWER if any(self.slower(history, series) for history in self.histories for series in history.series) else 0

    def newest(self, history: History, series: Series) -> ChangePoint | None:
        """Return the newest change point of a case that counts; None where it has none."""
        first = 0 if self.within is None else len(history.stops) - self.within
        return next((step for step in reversed(series.steps) if step.place >= first), None)

    def slower(self, history: History, series: Series) -> bool:
        """Return whether a case has become slower, and nothing since."""
        newest = self.newest(history, series)
        return newest is not None and newest.ratio > 1


def judged(series: Series) -> bool:
    """Return whether a case has runs enough to have a change point."""
    return _runs(series) >= MIN_RUNS


def _runs(series: Series) -> int:
    """How many runs have a case."""
    return sum(time is not None for time in series.times)


def as_text(standing: Standing, screen: Screen) -> str:
    """Return what a reader is shown: the verdict, then each case that stepped, what became slower first."""
    return drawn(screen, *_parts(standing), soft_wrap=True)


def _parts(standing: Standing) -> Iterator[RenderableType]:
    yield Text(_headline(standing), {0: "bold green", SLOWER: "bold red"}.get(standing.exit_status, "bold yellow"))
    for history in standing.histories:
        yield Text()
        runs = f"{len(history.stops)} runs, {_plain(history.stops[0].label)} to {_plain(history.stops[-1].label)}"
        yield Text(f"{_plain(history.machine)}: {runs}")
        if any(series.steps for series in history.series):
            yield _table(standing, history)
        yield from (Text(line) for line in _notes(history))
    yield from (Text(plain(line)) for line in standing.without)


def _headline(standing: Standing) -> str:
    cases = [(history, series) for history in standing.histories for series in history.series if judged(series)]
    if not cases:
        counts = [_runs(series) for history in standing.histories for series in history.series]
        got = f" (got {max(counts)})" if counts else ""
        rule = f"a change point takes {MIN_RUNS} runs of a case on one machine, and no case has them{got}"
        return f"CANNOT BE JUDGED: {rule}: measure more, each run into a file of its own, and give all files"
    slower = sum(standing.slower(*each) for each in cases)
    of = f"{slower} of {len(cases)} case{'s' * (len(cases) != 1)}"
    within = "" if standing.within is None else f" among the newest {standing.within} runs"
    return f"{'FAIL' if slower else 'PASS'}: the newest change point{within} is a slowdown in {of}"


def _table(standing: Standing, history: History) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for head, justify in (("time ×", "right"), ("since", "left"), ("now", "right"), ("case", "left"), ("before", "left")):
        table.add_column(head, justify=justify, no_wrap=True)  # type: ignore[arg-type]
    for series in history.series:
        if series.steps:
            *before, newest = series.steps
            style = "red" if standing.slower(history, series) else "green" if newest.ratio < 1 else "dim"
            now = next(time for time in reversed(series.times) if time is not None)
            earlier = ", ".join(f"{_ratio(step)} at {_plain(history.stops[step.place].label)}" for step in before)
            since = _plain(history.stops[newest.place].label)
            table.add_row(Text(_ratio(newest), style), since, f"{now:.4g} {series.unit}", _plain(series.case), earlier)
    return table


def _notes(history: History) -> Iterator[str]:
    """What else was new where a case stepped, and what was not judged."""
    places = sorted({step.place for series in history.series for step in series.steps})
    for place in places:
        if differs := history.stops[place].differs:
            yield f"also different at {_plain(history.stops[place].label)}: {', '.join(map(_plain, differs))}"
    if few := sum(not judged(series) for series in history.series):
        yield f"not judged: {few} case{'s' * (few != 1)} of fewer than {MIN_RUNS} runs"
    if not places:
        yield f"no change point; a new level shows from its {MIN_STAY}rd run on"


def _ratio(step: ChangePoint) -> str:
    return f"{step.ratio:.3g}"


def _plain(escaped: str) -> str:
    return plain(unescape(escaped))


def as_tree(standing: Standing) -> dict[str, Any]:
    """Return all of it as JSON types."""
    machines = [_machine(standing, history) for history in standing.histories]
    return {
        "exit_status": standing.exit_status,
        "within": standing.within,
        "machines": machines,
        "without_a_history": list(standing.without),
    }


def _machine(standing: Standing, history: History) -> dict[str, Any]:
    return {
        "machine": unescape(history.machine),
        "runs": [{"run": unescape(stop.label), "differs": list(map(unescape, stop.differs))} for stop in history.stops],
        "cases": [_case(standing, history, series) for series in history.series],
    }


def _case(standing: Standing, history: History, series: Series) -> dict[str, Any]:
    steps: Sequence[ChangePoint] = series.steps
    return {
        "case": unescape(series.case),
        "unit": series.unit,
        "times": list(series.times),
        "judged": judged(series),
        "change_points": [
            {"run": unescape(history.stops[step.place].label), "place": step.place, "ratio": step.ratio} for step in steps
        ],
        "slower": standing.slower(history, series),
    }
