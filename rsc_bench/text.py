"""Turns errors, durations and names into the words that a user reads, and a share that a user writes into a number."""

from __future__ import annotations

import difflib
import json
import math
import re
import shlex
from collections.abc import Iterable, Iterator, Sequence
from itertools import takewhile
from pathlib import Path

NEVER = "never"
"""An infinite value, as a reader sees it."""


def plain(text: str) -> str:
    """Return text as one line without control characters: a name from a file must not move the cursor or end a row."""
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)


def plain_json(text: str) -> str:
    """Return JSON that says the same, with each letter that steers a terminal written as its escape.

    JSON asks that of the first 32 letters alone: 0x9b begins an escape sequence, too, and others turn the order of letters round.
    """
    return _NOT_ASCII.sub(lambda found: found[0] if found[0].isprintable() else json.dumps(found[0])[1:-1], text)


_NOT_ASCII = re.compile(r"[^ -~\n]")


def escaped(text: str) -> str:
    r"""Return text as one line, with each character that would not print as an escape, so that two names stay two names.

    A byte of a file name that is not UTF-8 is written as ``\xfc``.
    """
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else _escape(letter) for letter in text)


def _escape(letter: str) -> str:
    if 0xDC80 <= ord(letter) <= 0xDCFF:  # how Python keeps such a byte (PEP 383)
        return f"\\x{ord(letter) - 0xDC00:02x}"
    return letter.encode("unicode_escape").decode("ascii")


def clipped(text: str, letters: int) -> str:
    """Return text with at most so many letters, an ellipsis at the end of one that had more."""
    return text if len(text) <= letters else f"{text[: letters - 1]}…"


def shown(text: str, letters: int = 2000) -> str:
    """Return text for a line of a terminal: without what would steer it, and no longer than somebody reads."""
    return plain(clipped(text, letters))


def first_line(message: object) -> str:
    """Return the first line of an error, or of what a program printed, as any file takes it; empty where it says nothing."""
    try:
        text = str(message)
    except Exception:  # of an error whose text is made by somebody's code
        return "its text cannot be made"
    return next(iter(text.strip().splitlines()), "").encode("utf-8", "backslashreplace").decode()


def error_line(error: BaseException) -> str:
    """Return an error in one line, its type before its message: ``ValueError: budget must lie in (0, 1] (got 2)``."""
    return f"{type(error).__name__}: {first_line(error)}".rstrip(": ")


def minutes(seconds: float) -> str:
    """Return a duration as minutes and seconds: ``2:05``."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def hours(seconds: float) -> str:
    """Return a duration as long as a study takes: ``3 h 20 min``, ``12 min``, ``40 s``."""
    if round(seconds) < 60:
        return f"{seconds:.0f} s"
    whole, left = divmod(round(seconds / 60), 60)
    return f"{whole:,} h {left} min" if whole else f"{left} min"


def share(text: str) -> float:
    """Return the share that a user wrote as ``5%`` or as ``0.05``; NaN where it is no number."""
    try:
        return float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        return math.nan


def nearest(name: str, known: Iterable[str], cutoff: float = 0.4) -> list[str]:
    """Return the known names that are most like `name`, at most three; all of them where none is like it."""
    names = list(known)
    folded = {each.lower(): each for each in names}
    return [folded[hit] for hit in difflib.get_close_matches(name.lower(), folded, n=3, cutoff=cutoff)] or names


def nearest_is(near: Sequence[str]) -> str:
    """Return in words which names `nearest` has found: ``nearest is topk``, ``nearest are topk, random``."""
    return f"nearest {'is' if len(near) == 1 else 'are'} {', '.join(near)}"


def call(command: str) -> str:
    """Return how a command of ours is called from the current folder: ``python -m harness list`` in a checkout."""
    return f"python -m harness {command}" if _in_the_checkout() else f"rsc-bench {command}"


def bench(options: str = "", suite: str = "") -> str:
    """Return how the suites, or one of them, are measured from the current folder: ``pytest suites/ --benchmark`` in a checkout."""
    files = " ".join(f"suites/test_{each}.py" for each in suite.split()) or "suites/"
    start = f"pytest {files} --benchmark" if _in_the_checkout() else f"rsc-bench bench {suite}".rstrip()
    return f"{start} {options}".rstrip()


SUITES = ("exact", "sampled", "minmax", "sddmm", "growth", "training", "harness")


def what_next(results: Sequence[Path], sampled_trainings: bool) -> Iterator[str]:
    """Yield a line for each command that reads the results of a run: the page, and of sampled trainings which budget to take."""
    commands = ["report", "recommend"] if sampled_trainings else ["report"]
    files = shlex.join(map(str, results))
    return (f"next:    {call(command)} {files}" for command in commands)


def again(options: Sequence[str], results: Path, rounds: int) -> str:
    """Return the command that measures more rounds into a file: `options` are suites, and then options of theirs."""
    suites = list(takewhile(SUITES.__contains__, options))
    words = shlex.join([*options[len(suites) :], "--results", str(results), "--rounds", str(rounds)])
    return bench(words, " ".join(suites))


def _in_the_checkout() -> bool:
    checkout = Path(__file__).resolve().parents[1]
    return Path.cwd() == checkout and (checkout / "harness" / "__main__.py").is_file()
