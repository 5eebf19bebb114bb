"""Runs the suites once in a process of its own, and returns the round that it wrote."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from rsc_bench.harness.ab import AlternatingError, Side, leash
from rsc_bench.harness.records.file import ResultsError, log_of, read
from rsc_bench.harness.records.run import Run

ALL_WELL, CASES_FAILED, GPU_FAULT = 0, 1, 3
"""Exit statuses of a session that has left a round: every case measured, some wrong or failed, ended by a fault of the GPU."""
COMMAND = ("-m", "pytest", "--benchmark", "--rounds", "1", "-q", "-p", "no:cacheprovider")
# What a test suite has use for and a round has not: rewriting asserts and importing Hypothesis take time in each.
LEAN = ("-p", "no:hypothesispytest", "--assert", "plain")
# Plug-ins may colour their messages, also for a file.
_COLOUR = re.compile(r"\x1b\[[\d;]*m")
# How pytest begins the line of an exit and of a bad command line; the first line of the latter only says how it is used.
_SAID = re.compile(r"(?:_pytest\.outcomes\.)?(?:Exit|ERROR|.*: error): (?!usage: )(.*)")


def take(side: Side, arguments: tuple[str, ...], place: Path) -> Run:
    """Return one round of a side, as a run; raises `AlternatingError` where the suites cannot be run.

    Args:
        side: whose turn it is.
        arguments: of pytest.
        place: folder for what the round writes; that of the round before goes.

    A process of its own, as any later run will be: memory, hash seed and code are laid out anew each time, and that is
    part of what makes two runs differ.
    """
    results, output = place / "round.jsonl", place / "output.txt"
    for left in (results, *_logs(place)):
        left.unlink(missing_ok=True)
    try:
        status = run_python([*COMMAND, *LEAN, "--results", str(results), *side.options, *arguments], side.folder, output)
    finally:
        for log in _logs(place):
            _keep(log, log_of(side.results))
    text = output.read_text(encoding="utf-8", errors="replace")
    if status not in (ALL_WELL, CASES_FAILED, GPU_FAULT):
        raise AlternatingError(f"{side.name}: the suites ended with status {status}: {_reason(text)}")
    return _whole(side, results, text)


def _logs(place: Path) -> list[Path]:
    """The log of a round, under the name that the side's revision gives it: ours, or ``round.log``."""
    return list(place.glob("round*.log"))


def _keep(log: Path, kept: Path) -> None:
    """Append what the suites have logged of a round to the log of its side; it says what ran when a round ended early."""
    with contextlib.suppress(FileNotFoundError), log.open("rb") as file:
        kept.parent.mkdir(parents=True, exist_ok=True)
        with kept.open("ab") as whole:
            shutil.copyfileobj(file, whole)


def run_python(arguments: Sequence[str], folder: Path, output: Path) -> int:
    """Run Python in a folder, with what it says in a file, and return its exit status; it does not outlive this process."""
    command = [sys.executable, "-I", "-S", leash.__file__, sys.executable, *arguments]
    with (
        output.open("wb") as said,
        subprocess.Popen(
            command,
            cwd=folder,
            env=_plain(),
            stdin=subprocess.PIPE,
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as process,
    ):
        try:
            return process.wait()
        except BaseException:  # KeyboardInterrupt, also that of a closed terminal: what it started must not measure on
            with contextlib.suppress(ProcessLookupError):  # it has just ended by itself
                os.killpg(process.pid, signal.SIGKILL)
            raise


def _plain() -> dict[str, str]:
    return {**os.environ, "NO_COLOR": "1", "PYTHONUNBUFFERED": "1"}


def _whole(side: Side, results: Path, text: str) -> Run:
    try:
        run = read(results)
    except ResultsError as error:
        raise AlternatingError(f"{side.name}: the suites left no results ({_reason(text) or error})") from None
    if not run.records:
        raise AlternatingError(f"{side.name}: the suites measured no case with these options ({_reason(text)})")
    return run


def _reason(text: str) -> str:
    """The line of pytest's output that says why it ended."""
    lines = [line for line in (_COLOUR.sub("", line).strip("! ") for line in text.splitlines()) if line]
    said = [found.group(1) for found in map(_SAID.match, lines) if found]
    return said[0] if said else lines[-1] if lines else "it said nothing"
