"""What the names in our modules, and in those of the libraries below them, stand for: read, compared and put back."""

from __future__ import annotations

import operator
import os
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import repeat
from types import ModuleType
from typing import Any

_LIBRARIES = ("torch", "torch.linalg", "numpy")


@dataclass(frozen=True, eq=False)
class Functions:
    """The functions and classes that checking and timing rest on, as they were when they were read.

    Three long lists of the same length and no dict for each module: many small things make the garbage collector look through
    all that a process holds, and this is read twice a case.
    """

    holders: list[str]
    """The dotted name of the module or class that a name stands in."""
    names: list[str]
    values: list[Any]
    """What each stands for, be it a function or not: choosing takes ten times as long as all of it."""

    @classmethod
    def read(cls) -> Functions:
        """Return what all the names stand for now."""
        found = cls([], [], [])
        for name, holder in _holders():
            found.holders.extend(repeat(name, len(vars(holder))))
            found.names.extend(vars(holder))
            found.values.extend(vars(holder).values())
        return found

    def differing(self, now: Functions) -> list[str]:
        """Return the dotted names of functions that are another thing now, or that are no more; a new one hurts nobody.

        Nor does what an installed package puts in the place of torch's functions when it is imported, as one of a model's layers
        does.
        """
        if len(self.values) == len(now.values) and all(map(operator.is_, self.values, now.values)):
            return []
        present = now._by_name()
        return [
            name
            for name, value in self._by_name().items()
            if callable(value)
            and present.get(name) is not value
            and not (name.startswith("torch.") and _is_installed(name, present.get(name)))  # never what stands in a place of ours
        ]

    def put_back(self) -> None:
        """Let each name stand for what it stood for."""
        before = self._by_name()
        for name in self.differing(Functions.read()):
            holder, _, last = name.rpartition(".")
            setattr(_holder(holder), last, before[name])

    def _by_name(self) -> dict[str, Any]:
        return {f"{holder}.{name}": value for holder, name, value in zip(self.holders, self.names, self.values, strict=True)}


def _holders() -> Iterator[tuple[str, Any]]:
    """Modules and classes with their dotted names; of two with one name the last holds what is found there."""
    for ours, module in list(sys.modules.items()):
        if ours.startswith("rsc_bench.") and isinstance(module, ModuleType):
            yield ours, module
            yield from _classes(ours, module)
    for name in _LIBRARIES:
        if (library := sys.modules.get(name)) is not None:
            yield name, library
    if (torch := sys.modules.get("torch")) is not None and hasattr(torch, "Tensor"):
        yield from (("torch.Tensor", each) for each in reversed(torch.Tensor.__mro__))


_CLASSES: dict[str, tuple[ModuleType | None, int, list[tuple[str, type]]]] = {}
"""Of each module, for as long as it has as many names: looking through all of them takes longer than all else, twice a case."""


def _classes(name: str, module: ModuleType) -> list[tuple[str, type]]:
    """Classes that a module of ours defines; one that another has taken the place of stays, and the module itself tells of that."""
    known, size, found = _CLASSES.get(name, (None, 0, []))
    if known is not module or size != len(vars(module)):
        values = [value for value in vars(module).values() if isinstance(value, type)]
        found = [(f"{name}.{each.__name__}", each) for each in values if each.__module__ == name]
        _CLASSES[name] = module, len(vars(module)), found
    return found


def _holder(name: str) -> Any:
    if name in sys.modules:
        return sys.modules[name]
    module, _, class_name = name.rpartition(".")
    return getattr(sys.modules[module], class_name)


def _is_installed(place: str, value: Any) -> bool:
    """Whether a function stands in a file of an installed package that is not ours; one of a library's own only by its name."""
    name = getattr(value, "__module__", None)
    file = getattr(sys.modules.get(name), "__file__", None) if isinstance(name, str) else None
    folders = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    package = name.partition(".")[0] if isinstance(name, str) else ""
    if package in _LIBRARIES and getattr(value, "__name__", None) != place.rpartition(".")[2]:
        return False
    ours = package == "rsc_bench"
    return isinstance(file, str) and not ours and any(file.startswith(f"{folder}{os.sep}") for folder in folders)
