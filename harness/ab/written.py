"""Turns what the command of a round has left, a file or a line that it printed, into a run of one round."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from rsc_bench.harness.ab import FILE, AlternatingError, Side
from rsc_bench.harness.machine import environment
from rsc_bench.harness.records.case import Case
from rsc_bench.harness.records.file import ResultsError, read
from rsc_bench.harness.records.lines import RUN_LINE
from rsc_bench.harness.records.measurement import Matrix, Measurement, Timing
from rsc_bench.harness.records.pytest_benchmark import importing
from rsc_bench.harness.records.ranges import LETTERS
from rsc_bench.harness.records.run import Record, Round, Run
from rsc_bench.text import clipped, shown

SUITE = "command"
UNITS_S = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0}
"""Units in which a program may print a time, in seconds; micro is written with either of two letters."""
_TIME = re.compile(rf"(\d+(?:\.\d*)?(?:[eE][+-]?\d+)?)\s*({'|'.join(UNITS_S)})")
_OF_OUR_PYTHON = ("python", "versions", "torch_build")
"""What is true of the Python that we run in, and need not be of the one that the program runs in."""


def round_of(side: Side, file: Path, output: Path, reason: str) -> Run:
    """Return the one round that a command has left; raises `AlternatingError` where it has left none, or several.

    Taken are, in this order: a results file of ours or pytest-benchmark's JSON in `file`, such JSON printed, and a time with its
    unit as the last line that was printed.

    Args:
        side: whose turn it was.
        file: what stood in the place of `FILE`; it need not be there.
        output: a file with what the command printed on its standard output.
        reason: what of its output says most, for the error.
    """
    try:
        run = _reader(side, file, output)()
    except ResultsError as error:
        why = str(error).removeprefix(f"{file}: ").removeprefix(f"{output}: ")
        raise AlternatingError(f"{side.name}: {side.command.name} left no results ({reason}): what it left {why}") from None
    except _NoTimeError as error:
        remedy = f"let its last line be one such as 12.3 ms, or write pytest-benchmark's JSON to {FILE}"
        raise AlternatingError(f"{side.name}: {side.command.name} {error} ({reason}): {remedy}") from None
    if not run.records:
        raise AlternatingError(f"{side.name}: {side.command.name} measured no case with these options ({reason})")
    if len(run.rounds) > 1:
        raise AlternatingError(f"{side.name}: {side.command.name} wrote {len(run.rounds)} rounds: let it measure one each time")
    return run


class _NoTimeError(Exception):
    """What a program did in the place of printing a time."""


def _reader(side: Side, file: Path, output: Path) -> Callable[[], Run]:
    """What reads the round, by where it is."""
    if (file.is_file() and file.stat().st_size) or not side.command.may_print:
        return lambda: read(file) if _is_ours(file) else _imported(side, file)
    printed = output.read_text(encoding="utf-8", errors="replace").strip()
    if printed.startswith("{"):
        return lambda: _imported(side, output)
    return lambda: _timed(side, printed.splitlines()[-1].strip() if printed else "")


def _is_ours(file: Path) -> bool:
    with contextlib.suppress(OSError), file.open("rb") as opened:
        return opened.read(len(RUN_LINE)) == RUN_LINE
    return True  # `read` says what is wrong with it


def _imported(side: Side, file: Path) -> Run:
    found = importing.read(file)
    # The commit is as we have read it: pytest-benchmark says "dirty" as soon as a program has written into its checkout.
    return Run(path=side.results, environment={**found.environment, "checkout": commit_of(side.folder)}, rounds=list(found.rounds))


def _timed(side: Side, line: str) -> Run:
    found = _TIME.fullmatch(line)
    if found is None:
        raise _NoTimeError("wrote no benchmark and printed no time")
    time_s = float(found[1]) * UNITS_S[found[2]]
    try:
        timing = Timing(times_s=[time_s], select_s=None, prepare_s=None)
    except ValueError:
        raise _NoTimeError(f"printed {shown(line, 40)!r}, and a time is above 0") from None
    name = clipped(side.command.name, LETTERS // 4)  # a letter may take four bytes
    case = Case(suite=SUITE, kernel=name, graph="time", width=0, budget=None, dtype="any", device="cpu", clock="its own")
    record = Record(case=case, status="ok", measurement=Measurement(timing, Matrix(nnz=0, kept_nnz=0)))
    start = Round(index=1, of=1, cases=1, started=datetime.now(UTC).isoformat(timespec="seconds"))
    return Run(path=side.results, environment=_environment(side.folder), rounds=[(start, [record])])


@cache  # of a side it is the same in every round
def _environment(folder: Path) -> dict[str, Any]:
    machine = {name: value for name, value in environment.read().items() if name not in _OF_OUR_PYTHON}
    return {**machine, "checkout": commit_of(folder)}


@cache
def commit_of(folder: Path) -> dict[str, Any]:
    """Return the commit of a checkout, and the changes to it, as they are when first asked for.

    That is before anything is run in it: what a program writes there is no change of its code.
    """
    return environment.checkout(folder)
