"""Finds the files that names in records stand for, of graphs and of recipes, among the options that a round was given."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

_RECIPE_FILE = re.compile(r"(.+)-[0-9a-f]{8}")
"""What records call a file of recipes: its name, and a digest of what it says."""


@dataclass(frozen=True)
class Given:
    """Files as a round was given them; a name that may be that of two files has none."""

    graphs: Mapping[str, str]
    """By what a graph is called: ``Cornell5#5`` of ``a/Cornell5.mat#5``."""
    recipes: Mapping[str, str]
    """By name without ``.toml``."""

    @classmethod
    def of(cls, options: Sequence[str] | None) -> Given:
        """Return what the options of a round name; nothing where they are not known."""
        graphs, recipes = _values(options or (), "--graph"), _values(options or (), "--recipe")
        labels = ((label, graph) for graph in graphs for label in _labels(graph))
        stems = ((Path(each).stem, each) for each in recipes if each.endswith(".toml"))
        return cls({label: path for label, path in _only(labels).items() if label not in graphs}, _only(stems))

    def recipe(self, changed: str | None) -> tuple[str, ...]:
        """Return the values of ``--recipe`` for what a case changes of the published recipe.

        A file that is not known is called by its name alone, and not left out: without it another training would be meant.
        """
        named = [(each, _RECIPE_FILE.fullmatch(each)) for each in (changed or "").split(",") if each]
        return tuple(self.recipes.get(file[1], f"{file[1]}.toml") if file else each for each, file in named)


def _values(options: Sequence[str], option: str) -> list[str]:
    """The values of an option, written either way."""
    apart = [value for name, value in pairwise(options) if name == option]
    return apart + [each.removeprefix(f"{option}=") for each in options if each.startswith(f"{option}=")]


def _labels(graph: str) -> set[str]:
    """What a graph may be called after its file, whose format decides how long its ending is."""
    path, mark, option = graph.partition("#")
    name = Path(path).name
    return {name[:place] + mark + option for place, letter in enumerate(name) if letter == "."}


def _only(named: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The paths by name, of names that have one alone."""
    found: dict[str, set[str]] = defaultdict(set)
    for name, path in named:
        found[name].add(path)
    return {name: next(iter(paths)) for name, paths in found.items() if len(paths) == 1}
