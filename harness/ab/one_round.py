"""Runs the command of a side once in a process of its own, and returns the round that it has left."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from rsc_bench.harness.ab import FILE, AlternatingError, Side, leash
from rsc_bench.harness.ab.written import round_of
from rsc_bench.harness.records.appending import log_of
from rsc_bench.harness.records.run import Run

VARIABLE = "RSC_BENCH_FILE"
"""Environment variable with the path of the file that a round may write."""
OUTPUT, ERRORS = "output.txt", "errors.txt"
"""What a command has said on its two outputs."""
# Plug-ins may colour their messages, also for a file.
_COLOUR = re.compile(r"\x1b\[[\d;]*m")
# How pytest begins the line of an exit and of a bad command line; the first line of the latter only says how it is used.
_SAID = re.compile(r"(?:_pytest\.outcomes\.)?(?:Exit|ERROR|.*: error): (?!usage: )(.*)")
_FAILED_TEST = re.compile(r"(?:FAILED|ERROR) \S.*")
"""How pytest's summary names a test that failed."""
NAMED_TESTS = 3


def take(side: Side, place: Path) -> Run:
    """Return one round of a side, as a run; raises `AlternatingError` where its command cannot be run, or leaves none.

    Args:
        side: whose turn it is.
        place: folder for what the round writes; that of the round before goes.

    A process of its own, as any later run will be: memory, hash seed and code are laid out anew each time, and that is
    part of what makes two runs differ.
    """
    file = place / "round.jsonl"
    for left in (file, *_logs(place)):
        left.unlink(missing_ok=True)
    words = [word.replace(FILE, str(file)) for word in side.command.words]
    try:
        status = run(words, side.place, place, {VARIABLE: str(file), "PYTHONPATH": _imports(side)})
    finally:
        for log in _logs(place) or [place / OUTPUT, place / ERRORS]:
            _keep(log, log_of(side.results))
    reason = _reason(_said(place))
    if status not in side.command.left_a_round:
        raise AlternatingError(f"{side.name}: {side.command.name} ended with status {status}: {reason}")
    return round_of(side, file, place / OUTPUT, reason)


def set_up(side: Side, words: Sequence[str], place: Path) -> None:
    """Run what makes a checkout ready to be measured, once; raises `AlternatingError` where it fails."""
    status = run(words, side.place, place, {"PYTHONPATH": _imports(side)})
    for said in (OUTPUT, ERRORS):
        _keep(place / said, log_of(side.results))
    if status:
        raise AlternatingError(f"{side.name}: the set-up {words[0]} ended with status {status}: {_reason(_said(place))}")


def _imports(side: Side) -> str:
    """Where Python looks first: in the checkout, not in what an installation of the user's leads to, which is of no revision."""
    folders = dict.fromkeys(folder / below for folder in (side.place, side.folder) for below in ("", "src"))
    there = [str(folder) for folder in folders if folder.is_dir()]
    return os.pathsep.join([*there, *filter(None, [os.environ.get("PYTHONPATH")])])


def _logs(place: Path) -> list[Path]:
    """The log of a round, under the name that the side's revision gives it: ours, or ``round.log``."""
    return list(place.glob("round*.log"))


def _keep(log: Path, kept: Path) -> None:
    """Append what was logged, or said, of a round to the log of its side; it says what ran when a round ended early."""
    with contextlib.suppress(FileNotFoundError), log.open("rb") as file:
        kept.parent.mkdir(parents=True, exist_ok=True)
        with kept.open("ab") as whole:
            shutil.copyfileobj(file, whole)


def run(words: Sequence[str], folder: Path, place: Path, variables: Mapping[str, str] | None = None) -> int:
    """Run a program in a folder, and return its exit status; it does not outlive this process.

    Args:
        words: the program and its arguments.
        folder: where it is run.
        place: folder for what it says, in `OUTPUT` and `ERRORS`.
        variables: of its environment, beside those of this process.
    """
    command = [sys.executable, "-I", "-S", leash.__file__, *words]
    with (
        (place / OUTPUT).open("wb") as output,
        (place / ERRORS).open("wb") as errors,
        subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, "NO_COLOR": "1", "PYTHONUNBUFFERED": "1", **(variables or {})},
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=errors,
            start_new_session=True,
        ) as process,
    ):
        try:
            return process.wait()
        except BaseException:  # KeyboardInterrupt, also that of a closed terminal: what it started must not measure on
            with contextlib.suppress(ProcessLookupError):  # it has just ended by itself
                os.killpg(process.pid, signal.SIGKILL)
            raise


def _said(place: Path) -> list[str]:
    """The lines that a command has said on both outputs; those of errors come last."""
    text = "\n".join((place / name).read_text(encoding="utf-8", errors="replace") for name in (OUTPUT, ERRORS))
    return [line for line in (_COLOUR.sub("", line).strip("! ") for line in text.splitlines()) if line]


def _reason(lines: Sequence[str]) -> str:
    """What of it says why a command ended as it did: pytest's own words, tests that failed, or the last line."""
    if said := [found.group(1) for found in map(_SAID.match, lines) if found]:
        return said[0]
    if failed := [line for line in lines if _FAILED_TEST.match(line)]:
        more = [f"and {len(failed) - NAMED_TESTS} more"] if len(failed) > NAMED_TESTS else []
        return "; ".join([*failed[:NAMED_TESTS], *more])
    return lines[-1] if lines else "it said nothing"
