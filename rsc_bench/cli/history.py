"""``history``: the runs of a machine over time, and an exit status that says whether a case has become slower."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rsc_bench.cli._options import FILE, guard_shown, json_option, show
from rsc_bench.cli._runs import opened

if TYPE_CHECKING:
    from rsc_bench.harness.records.run import Records
    from rsc_bench.reports.tables.standing import Standing


@click.command("history")
@click.argument("files", nargs=-1, required=True, type=FILE, metavar="FILES...")
@click.option(
    "--within",
    type=click.IntRange(min=1),
    metavar="RUNS",
    help="Count a change point only where it is among so many newest runs (default: all of them).",
)
@json_option
def history(files: tuple[Path, ...], within: int | None, as_json: Path | None) -> int:
    """Find the runs from which on a case took another time.

    Each of FILES is a run: a results file, pytest-benchmark's JSON, or a folder of such JSON, whose files are rounds. Runs of one
    machine are put in the order of their commits, or else of when they were measured.

    A change point takes 6 runs, and a new level that stays for 3. What is slower fails until it is faster again, or until its
    change point is no more --within the newest runs.

    Exit status: 0 nothing; 1 the newest change point of a case is a slowdown; 2 bad usage or unreadable file; 3 too few runs.
    """
    guard_shown(as_json, files)
    found = _standing(files, within)

    from rsc_bench.harness.output.console import screen
    from rsc_bench.reports.tables.standing import as_text, as_tree

    show(lambda: as_text(found, screen()), lambda: as_tree(found), as_json)
    return found.exit_status


def _standing(files: Sequence[Path], within: int | None) -> Standing:
    from rsc_bench.reports.tables.histories import histories
    from rsc_bench.reports.tables.runs import FEWEST_FILES, runs
    from rsc_bench.reports.tables.standing import Standing
    from rsc_bench.reports.tables.table import read_table

    table = read_table(_runs(files))
    known = {source.name for found in runs(table.sources).values() for source in found}
    counts = Counter(source.machine for source in table.sources)
    without = [
        f"{source.name}: a history takes {FEWEST_FILES} files of one machine (got {counts[source.machine]} of {source.machine}): "
        "give more of its runs"
        for source in table.sources
        if source.name not in known
    ]
    return Standing(tuple(histories(table.escaped())), within, tuple(without))


def _runs(files: Sequence[Path]) -> Iterator[Records]:
    for file in files:
        with opened([file]) as run:
            yield run


COMMAND = history
