"""Turns what a user wrote behind ``--`` into the command of a round: options of our suites, or a program of the user's."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

from rsc_bench.harness.ab import FILE, AlternatingError, Command, kernels
from rsc_bench.harness.ab.checkouts import is_elsewhere, is_tracked
from rsc_bench.harness.ab.options import for_a_round, names_suites
from rsc_bench.harness.ab.scratch import scratch

ALL_WELL, CASES_FAILED, GPU_FAULT = 0, 1, 3
"""Exit statuses of our suites that have left a round: every case measured, some wrong or failed, ended by a fault of the GPU."""
SUITES_RUN = ("-m", "pytest", "--benchmark", "--rounds", "1", "-q", "-p", "no:cacheprovider")
# What a test suite has use for and a round has not: rewriting asserts and importing Hypothesis take time in each.
LEAN = ("-p", "no:hypothesispytest", "--assert", "plain")
JSON_OPTION = "--benchmark-json"
PYTEST = ("pytest", "py.test")
RUNNERS = ("-m", "run")
"""What stands in front of pytest in ``python -m pytest`` and ``uv run pytest``."""


def is_program(given: Sequence[str]) -> bool:
    """Return whether it is a program of the user's: its first word is no option, and none of our suites."""
    return bool(given) and not given[0].startswith("-") and not names_suites(given[0])


def for_sides(given: Sequence[str], folders: Mapping[str, Path], root: Path) -> tuple[list[Command], list[str]]:
    """Return the command of each side of a repository, and a line for each kernel that only one of them has.

    Args:
        given: what stands behind ``--``.
        folders: the checkout of each side, by the side's name.
        root: top of the repository that they were made from.
    """
    if is_program(given):
        return [of_program(given, lambda path: is_elsewhere(root, path))] * len(folders), []
    arguments = for_a_round(given, lambda path: is_tracked(root, path))
    with scratch() as place:
        own, lacking = kernels.for_sides(folders, arguments, place)
    return list(map(of_suites, own)), lacking


def of_suites(arguments: Sequence[str]) -> Command:
    """Return the command that measures our suites once, with arguments of pytest."""
    words = (sys.executable, *SUITES_RUN, *LEAN, "--results", FILE, *arguments)
    return Command("the suites", words, (ALL_WELL, CASES_FAILED, GPU_FAULT), may_print=False)


def of_program(given: Sequence[str], elsewhere: Callable[[Path], bool]) -> Command:
    """Return the command that is a program of the user's; raises `AlternatingError` where its JSON would go past us.

    pytest gets ``--benchmark-json`` where nothing says yet where its times go.

    Args:
        given: the program and its arguments.
        elsewhere: whether a path is of no revision, so that no checkout has it.
    """
    words = [str(Path(word).absolute()) if "/" in word and elsewhere(Path(word)) else word for word in given]
    if any(word.partition("=")[0] == JSON_OPTION for word in words) and not any(FILE in word for word in words):
        raise AlternatingError(
            f"{JSON_OPTION} must name {FILE}, which stands for the file of a round: leave it out or write {FILE}"
        )
    if is_pytest(words) and not any(FILE in word for word in words):
        words.append(f"{JSON_OPTION}={FILE}")
    return Command(shlex.join(given), tuple(words))


def is_pytest(words: Sequence[str]) -> bool:
    """Return whether a command runs pytest: as its program, or behind ``-m`` or ``run``."""
    if Path(words[0]).name in PYTEST:
        return True
    return any(before in RUNNERS and word in PYTEST for before, word in pairwise(words))
