"""Turns the files of one machine into histories: the time of each case from run to run, and the runs at which it stepped."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from rsc_bench.harness.records.case import APART
from rsc_bench.harness.statistics.change_points import MIN_RUNS, ChangePoint, change_points
from rsc_bench.reports.tables.frames import IDENTITY
from rsc_bench.reports.tables.rows import Row, absent, by
from rsc_bench.reports.tables.runs import runs
from rsc_bench.reports.tables.sources import Source
from rsc_bench.reports.tables.table import Table

COMMIT_LETTERS = 7
NAMED_DIFFERENCES = 3

# Columns of a case's time and what they are in; a training has no latency.
_TIMES = (("latency", "ms"), ("training", "s"))


@dataclass(frozen=True)
class Stop:
    """One run of a history: a file."""

    label: str
    """Short commit, a plus where the checkout had changes, and the day; safe in plotly, and the only one of its history."""
    differs: tuple[str, ...]
    """What else than the commit differs from the run before, in words."""


@dataclass(frozen=True)
class Series:
    """One case over the runs of a history; a run without it has None."""

    case: str
    """In words."""
    kernel: str
    unit: str
    times: tuple[float | None, ...]
    """Median over the rounds of each run."""
    lows: tuple[float | None, ...]
    highs: tuple[float | None, ...]
    steps: tuple[ChangePoint, ...]
    """At places among all runs."""

    @property
    def weight(self) -> tuple[int, float]:
        """What a reader must see first: a step to slower, then one to faster; of one kind the largest."""
        steps = [math.log(step.ratio) for step in self.steps]
        slower = max((step for step in steps if step > 0), default=0.0)
        return (2, slower) if slower else (1, -min(steps)) if steps else (0, 0.0)


@dataclass(frozen=True)
class History:
    """All cases of one machine over its runs."""

    machine: str
    stops: tuple[Stop, ...]
    """In order of their commits, or of when they were measured."""
    series: tuple[Series, ...]
    """What became slower first, then what became faster, each the largest step first, then in order of the cases."""


def histories(table: Table) -> list[History]:
    """Return a history for each machine with at least three files; `table` must be escaped."""
    files = runs(table.sources)
    if not files:
        return []
    rows = by(table.rows, ["machine"])
    found = {escape(machine, quote=False): files for machine, files in files.items()}
    return [_history(machine, files, rows[machine,]) for machine, files in found.items() if (machine,) in rows]


def _history(machine: str, files: Sequence[Source], rows: Sequence[Row]) -> History:
    places = {escape(source.name, quote=False): place for place, source in enumerate(files)}
    cases: dict[int, dict[int, Row]] = defaultdict(dict)
    for row in rows:
        cases[row[IDENTITY]][places[row["file"]]] = row
    again = {key: found for key, found in cases.items() if len(found) > 1}
    judged = sum(len(found) >= MIN_RUNS for found in again.values())
    drawn = [series for found in again.values() if (series := _series(found, len(files), judged))]
    ordered = sorted(sorted(drawn, key=lambda series: series.case), key=lambda series: series.weight, reverse=True)
    return History(machine, tuple(_stops(files)), tuple(ordered))


def _series(found: dict[int, Row], runs: int, judged: int) -> Series | None:
    some = next(iter(found.values()))
    column, unit = next(((name, unit) for name, unit in _TIMES if not absent(some[name])), (None, ""))
    if column is None:
        return None
    kept = {place: row for place, row in sorted(found.items()) if not absent(row[column])}
    times, lows, highs = (_filled(kept, name, runs) for name in (column, f"{column} low", f"{column} high"))
    places = list(kept)
    marks = change_points([row[column] for row in kept.values()], max(1, judged))
    steps = tuple(ChangePoint(places[mark.place], mark.ratio) for mark in marks)
    return Series(_words(some), some["kernel"], unit, times, lows, highs, steps)


def _filled(rows: dict[int, Row], column: str, runs: int) -> tuple[float | None, ...]:
    return tuple(float(rows[place][column]) if place in rows else None for place in range(runs))


def _words(row: Row) -> str:
    """The case as a reader looks for it: kernel and budget first, then what it was run on."""
    budget = [] if absent(row["budget"]) else [f"C={row['budget']:g}"]
    suite = [row["suite"]] if row["suite"] in APART else []  # the same product may be one of another suite as well
    reduce = [] if row["reduce"] == "sum" else [row["reduce"]]
    trained = [
        f"{name}={_plain(row[name])}"
        for name in ("model", "layers", "epochs", "seed", "variant", "recipe", "freed_memory", "precision")
        if not absent(row[name])
    ]
    width = [f"d={row['width']}"] if row["width"] else []  # another program's benchmark has none
    where = [row["graph"], *width, row["dtype"], row["device"], row["clock"]]
    return " ".join([row["kernel"], *budget, *where, *reduce, *trained, *suite])


def _plain(value: Any) -> str:
    # A column of whole numbers with gaps has floats.
    return f"{value:g}" if isinstance(value, float) else str(value)


def _environment(source: Source) -> dict[str, str]:
    return dict(source.environment)


def _stops(files: Sequence[Source]) -> Iterator[Stop]:
    labels = [_label(source) for source in files]
    count = Counter(labels)
    seen: Counter[str] = Counter()
    for place, (source, label) in enumerate(zip(files, labels, strict=True)):
        seen[label] += 1
        numbered = f"{label} ({seen[label]})" if count[label] > 1 else label
        yield Stop(escape(numbered, quote=False), _differs(files[place - 1], source) if place else ())


def _label(source: Source) -> str:
    environment = _environment(source)
    commit = environment.get("checkout.commit", "none")
    if commit == "none":
        return source.name
    changed = "+" if environment.get("checkout.dirty") == "True" else ""
    return f"{commit[:COMMIT_LETTERS]}{changed} {source.started[5:10]}".strip()


def _differs(before: Source, after: Source) -> tuple[str, ...]:
    old, new = _environment(before), _environment(after)
    names = [name for name in {**old, **new} if old.get(name) != new.get(name) and not name.startswith("checkout.")]
    words = [f"{name} {old.get(name, 'none')} → {new.get(name, 'none')}" for name in names[:NAMED_DIFFERENCES]]
    more = len(names) - len(words)
    return tuple(escape(each, quote=False) for each in words) + ((f"and {more} more",) if more else ())
