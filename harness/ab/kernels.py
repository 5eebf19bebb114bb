"""Turns the kernels that a user names into the options of each side: one that only one side has is asked of that side alone."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rsc_bench.harness.ab.one_round import run
from rsc_bench.kinds import ALL_BASELINES

KERNEL, PLUGIN = "--kernel", "--plugin"
ANY = "KERNEL"
"""What stands for a kernel in the names of selections, as ``list`` gives them: ``topk(KERNEL)``."""


@dataclass(frozen=True)
class Known:
    """What the suites of a side can be asked for."""

    folder: Path
    """The checkout."""
    kernels: dict[str, bool]
    """Every kernel that is asked for by a name of its own, and whether it is available on this machine."""
    selections: frozenset[str]
    """What may stand in front of one, as ``topk(KERNEL)``."""
    baselines: bool = False
    """Whether it knows the word for all of them."""

    def has(self, kernel: str) -> bool:
        """Return whether it knows a kernel by this name, or has the file of it."""
        if kernel.endswith(".py"):
            return self.has_file(kernel)
        if kernel == ALL_BASELINES:
            return self.baselines
        front, _, exact = kernel.rstrip(")").partition("(")
        return kernel in self.kernels or (exact in self.kernels and f"{front}({ANY})" in self.selections)

    def has_file(self, path: str) -> bool:
        """Return whether a file is there, seen from its folder."""
        return (self.folder / path).is_file()


def for_sides(folders: Mapping[str, Path], arguments: Sequence[str], place: Path) -> tuple[list[tuple[str, ...]], list[str]]:
    """Return the arguments of each side, and a line for each kernel that only one side has.

    A kernel that no side has is left to the suites, which know the nearest names. So is everything where a side cannot say what it
    has, being of a revision before 0.2.

    Args:
        folders: the checkout of each side, by the side's name.
        arguments: of pytest, for both.
        place: folder for what the sides answer.
    """
    kernels, rest = _taken(arguments, KERNEL)
    files, rest = _taken(rest, PLUGIN)
    as_given = [tuple(arguments)] * len(folders)
    if not kernels:
        return as_given, []
    known = [each for folder in folders.values() if (each := _known(folder, files, place)) is not None]
    if len(known) < len(folders):
        return as_given, []
    owned = [_asked(kernels, Known.has, side, known) for side in known]
    loaded = [_asked(files, Known.has_file, side, known) for side in known]
    # Where none is named the suites measure kernels of their own choice: so one is, that both have, and on both sides.
    shared = [] if all(owned) else _in_both(*known)[:1]
    own = [[*_options(KERNEL, [*one, *shared]), *_options(PLUGIN, other)] for one, other in zip(owned, loaded, strict=True)]
    return [(*options, *rest) for options in own], list(_differences(folders, kernels, owned))


def _asked(names: Sequence[str], has: Callable[[Known, str], bool], side: Known, every: Sequence[Known]) -> list[str]:
    """Those of some names that a side has; one that no side has stays, for the suites to refuse."""
    return [name for name in names if has(side, name) or not any(has(each, name) for each in every)]


def _in_both(base: Known, new: Known) -> list[str]:
    return [name for name, available in base.kernels.items() if available and new.kernels.get(name)]


def _differences(names: Iterable[str], kernels: Sequence[str], owned: Sequence[Sequence[str]]) -> Iterator[str]:
    for name, named, becomes in zip(names, owned, ("new", "missing"), strict=True):
        yield from (f"{name} has no kernel {kernel}: its cases will be {becomes}" for kernel in kernels if kernel not in named)


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


def _known(folder: Path, files: Sequence[str], place: Path) -> Known | None:
    """Ask the command line in a checkout what there is; None where it does not answer."""
    answer = place / "known.json"
    answer.unlink(missing_ok=True)
    plugins = _options(PLUGIN, [file for file in files if (folder / file).is_file()])
    run([sys.executable, "-m", "harness", "list", *plugins, "--json", str(answer)], folder, place)
    try:
        listed = json.loads(answer.read_bytes())
        every = [*listed["kernels"], *listed.get("baselines", [])]
        kernels = {str(entry["name"]): bool(entry["available"]) for entry in every}
        return Known(folder, kernels, frozenset(str(entry["name"]) for entry in listed["selections"]), "baselines" in listed)
    except (OSError, ValueError, KeyError, TypeError):
        return None
