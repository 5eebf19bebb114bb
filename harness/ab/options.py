"""Turns what a user wrote behind ``--`` into the options of pytest for a round of the suites, wherever they are run."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from rsc_bench.harness.ab import AlternatingError

SUITES = "suites"
# What a round is, and where it goes, is said by us.
OURS = {
    "--results": "each side has a results file of its own: --output says in which folder",
    "--rounds": "each run of the suites is one round: give --rounds before the --",
    "--collect-only": "that measures nothing: leave it out",
    "--co": "that measures nothing: leave it out",
}


def for_a_round(given: Sequence[str], tracked: Callable[[Path], bool], suites: Sequence[str] = (SUITES,)) -> tuple[str, ...]:
    """Return the arguments of pytest for one round; raises `AlternatingError` for an option that is not the user's.

    Args:
        given: what stands behind ``--``.
        tracked: whether a path belongs to the checkout, so that each side has its own.
        suites: what is measured where none of them is named.
    """
    for option in given:
        name = option.partition("=")[0]
        if name in OURS:
            raise AlternatingError(f"{name} cannot be given to the suites here: {OURS[name]}")
    where = () if any(names_suites(argument) for argument in given) else suites
    return (*where, *(_from_anywhere(argument, tracked) for argument in given))


def names_suites(argument: str) -> bool:
    """Return whether it is the suites' folder, a file of theirs or a test in one."""
    path = Path(argument.partition("::")[0])
    return bool(path.parts) and path.parts[0] == SUITES


def _from_anywhere(argument: str, tracked: Callable[[Path], bool]) -> str:
    """The argument with the path in it made absolute, where it names a file that no side has for itself: a graph of the user's."""
    option, equals, value = argument.partition("=") if argument.startswith("-") else ("", "", argument)
    path = Path(value)
    # A new suite is of one side only, tracked or not: it must not be run from outside that side's checkout.
    if not value or value == os.curdir or names_suites(value) or not path.exists() or tracked(path):
        return argument
    return f"{option}{equals}{path.resolve()}"
