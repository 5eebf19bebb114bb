"""Turns the arguments of pytest into what one would write to measure the same cases again, in whichever session."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from rsc_bench.harness.records.ranges import LETTERS
from rsc_bench.text import SUITES

_ONE_SESSION = ("--results", "--rounds", "-c", "--rootdir", "-p")
"""Options with a value that is of one session, or of how it was started."""


def asked(arguments: Sequence[str], modules: Collection[str]) -> list[str] | None:
    """Return which suites were named, and the options that decide what is measured, and how.

    None where that cannot be said in a results file: of tests that were named one by one, and of names that are no UTF-8.

    Args:
        arguments: of pytest, as they were given.
        modules: those of them that name files and folders of tests.
    """
    suites = [Path(name).name.removeprefix("test_").removesuffix(".py") for name in modules if ".py" in name]
    found = suites + _without([each for each in arguments if each not in modules])
    return found if {*suites} <= {*SUITES} and all(map(_storable, found)) else None


def _without(arguments: Sequence[str]) -> list[str]:
    left, kept = iter(arguments), []
    for each in left:
        if each in _ONE_SESSION:
            next(left, None)
        elif each != "--benchmark" and not each.startswith(tuple(f"{option}=" for option in _ONE_SESSION)):
            kept.append(each)
    return kept


def _storable(text: str) -> bool:
    return len(text) <= LETTERS and text == text.encode("utf-8", "replace").decode()
