"""Turns the kernels that a user names into the options of each side: one that only one side has is asked of that side alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rsc_bench.harness.ab import Side
from rsc_bench.harness.ab.one_round import run_python

KERNEL, PLUGIN = "--kernel", "--plugin"
ANY = "KERNEL"
"""What stands for a kernel in the names of selections, as ``list`` gives them: ``topk(KERNEL)``."""


@dataclass(frozen=True)
class Known:
    """What the suites of a side can be asked for."""

    folder: Path
    """The checkout."""
    kernels: dict[str, bool]
    """Every exact kernel by its name, and whether it is available on this machine."""
    selections: frozenset[str]
    """What may stand in front of one, as ``topk(KERNEL)``."""

    def has(self, kernel: str) -> bool:
        """Return whether it knows a kernel by this name, or has the file of it."""
        if kernel.endswith(".py"):
            return self.has_file(kernel)
        front, _, exact = kernel.rstrip(")").partition("(")
        return kernel in self.kernels or (exact in self.kernels and f"{front}({ANY})" in self.selections)

    def has_file(self, path: str) -> bool:
        """Return whether a file is there, seen from its folder."""
        return (self.folder / path).is_file()


def for_sides(sides: Sequence[Side], arguments: Sequence[str], place: Path) -> tuple[list[Side], tuple[str, ...], list[str]]:
    """Return the sides with their own options, the arguments of both, and a line for each kernel that only one side has.

    A kernel that no side has is left to the suites, which know the nearest names. So is everything where a side cannot say what it
    has, being of a revision before 0.2.

    Args:
        sides: of one checkout each.
        arguments: of pytest.
        place: folder for what the sides answer.
    """
    kernels, rest = _taken(arguments, KERNEL)
    files, rest = _taken(rest, PLUGIN)
    if not kernels:
        return list(sides), tuple(arguments), []
    known = [each for side in sides if (each := _known(side, files, place)) is not None]
    if len(known) < len(sides):
        return list(sides), tuple(arguments), []
    owned = [_asked(kernels, Known.has, side, known) for side in known]
    loaded = [_asked(files, Known.has_file, side, known) for side in known]
    # Where none is named the suites measure kernels of their own choice: so one is, that both have, and on both sides.
    shared = [] if all(owned) else _in_both(*known)[:1]
    own = [[*_options(KERNEL, [*one, *shared]), *_options(PLUGIN, other)] for one, other in zip(owned, loaded, strict=True)]
    found = [replace(side, options=(*side.options, *options)) for side, options in zip(sides, own, strict=True)]
    return found, tuple(rest), list(_differences(sides, kernels, owned))


def _asked(names: Sequence[str], has: Callable[[Known, str], bool], side: Known, every: Sequence[Known]) -> list[str]:
    """Those of some names that a side has; one that no side has stays, for the suites to refuse."""
    return [name for name in names if has(side, name) or not any(has(each, name) for each in every)]


def _in_both(base: Known, new: Known) -> list[str]:
    return [name for name, available in base.kernels.items() if available and new.kernels.get(name)]


def _differences(sides: Sequence[Side], kernels: Sequence[str], owned: Sequence[Sequence[str]]) -> Iterator[str]:
    for side, named, becomes in zip(sides, owned, ("new", "missing"), strict=True):
        yield from (f"{side.name} has no kernel {kernel}: its cases will be {becomes}" for kernel in kernels if kernel not in named)


def _taken(arguments: Sequence[str], option: str) -> tuple[list[str], list[str]]:
    """The values of an option that may be repeated, and the arguments without it."""
    values, rest = [], []
    waiting = iter(arguments)
    for argument in waiting:
        if argument == option:
            values += [value for value in (next(waiting, None),) if value is not None]
        elif argument.startswith(f"{option}="):
            values.append(argument.partition("=")[2])
        else:
            rest.append(argument)
    return list(dict.fromkeys(values)), rest


def _options(option: str, values: Sequence[str]) -> list[str]:
    return [f"{option}={value}" for value in values]


def _known(side: Side, files: Sequence[str], place: Path) -> Known | None:
    """Ask the command line in a checkout what there is; None where it does not answer."""
    answer = place / "known.json"
    answer.unlink(missing_ok=True)
    plugins = _options(PLUGIN, [file for file in files if (side.folder / file).is_file()])
    run_python(["-m", "harness", "list", *plugins, "--json", str(answer)], side.folder, place / "list.txt")
    try:
        listed = json.loads(answer.read_bytes())
        kernels = {str(entry["name"]): bool(entry["available"]) for entry in listed["kernels"]}
        return Known(side.folder, kernels, frozenset(str(entry["name"]) for entry in listed["selections"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
