"""Turns the files of a page into the runs of each machine, in order, and the table into the latest of these runs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from rsc_bench.harness.records.case import APART
from rsc_bench.reports.tables.rows import absent
from rsc_bench.reports.tables.sources import Source
from rsc_bench.reports.tables.table import Table

FEWEST_FILES = 3
"""Files of one machine that make a history; two are a comparison."""

_MEASURED = (
    "graph",
    "width",
    "dtype",
    "precision",
    "device",
    "clock",
    "reduce",
    "model",
    "layers",
    "epochs",
    "recipe",
    "freed_memory",
)


def runs(sources: Iterable[Source]) -> dict[str, list[Source]]:
    """Return the files of each machine that has a history, by its name, in order."""
    files: dict[str, list[Source]] = defaultdict(list)
    for source in sources:
        files[source.machine].append(source)
    return {machine: _in_order(found) for machine, found in files.items() if len(found) >= FEWEST_FILES}


def latest(table: Table) -> Table:
    """Return the table with, of a machine that has a history, each product and training as its last run measured it.

    The runs before are what the history draws; a headline or a panel for each of them would bury the last.
    """
    places = {source.name: place for found in runs(table.sources).values() for place, source in enumerate(found)}
    if not places:
        return table
    cases = table.cases.loc[_last(_keys(table), places)].reset_index(drop=True)
    trained = [(file, (each.machine, each.training, each.way)) for file, each in table.recommendations]
    advice = [entry for entry, last in zip(table.recommendations, _last(trained, places), strict=True) if last]
    return replace(table, cases=cases, recommendations=tuple(advice))


def _last(measured: Sequence[tuple[str, tuple[object, ...]]], places: Mapping[str, int]) -> list[bool]:
    """Whether no later run measured the same; always where a file is of no history."""
    last: dict[tuple[object, ...], int] = {}
    for file, key in measured:
        last[key] = max(places.get(file, 0), last.get(key, 0))
    return [file not in places or places[file] == last[key] for file, key in measured]


def _keys(table: Table) -> list[tuple[str, tuple[object, ...]]]:
    """File of each row, and what it shares with the rows of other runs that measured the same."""
    columns = table.cases[["file", "suite", "machine", *_MEASURED]].itertuples(index=False, name=None)
    return [
        (file, (suite if suite in APART else "", *(None if absent(value) else value for value in key)))
        for file, suite, *key in columns
    ]


def _in_order(files: Sequence[Source]) -> list[Source]:
    """By commit where every file says when its commit was made, so that an older one may be measured later; else by when it ran."""
    commits = [_moment(dict(source.environment).get("checkout.committed")) for source in files]
    started = [_moment(source.started) or datetime.min.replace(tzinfo=UTC) for source in files]
    known = [commit for commit in commits if commit]
    keys = list(zip(known if len(known) == len(files) else started, started, strict=True))
    return [files[place] for place in sorted(range(len(files)), key=lambda place: keys[place])]


def _moment(text: str | None) -> datetime | None:
    try:
        found = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
