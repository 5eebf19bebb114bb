"""What a function reads besides its arguments: what a message depends on may change after it was tried, and is then no product."""

from __future__ import annotations

import dis
from collections.abc import Iterator
from types import CodeType, FunctionType, ModuleType
from typing import Any

_TRUSTED = ("torch", "torch_geometric", "torch_sparse", "torch_scatter", "math", "typing")
"""Packages whose functions depend on nothing that a user changes."""
_LOOKING = ("vars", "getattr", "globals", "locals", "eval", "exec", "__import__", "open", "input")
"""Functions that read what no look at the code shows."""


def depends_on(function: Any, seen: frozenset[Any] = frozenset()) -> list[str]:
    """Return what a Python function reads that is neither an argument nor of a package whose functions are known, by name.

    The functions of a user that it calls are looked at as well. What it reads of its first argument, ``self``, is not said.
    """
    if not isinstance(function, FunctionType) or function.__code__ in seen or trusted(function):
        return []
    return sorted(set(_read(function, seen | {function.__code__})))


def trusted(value: Any) -> bool:
    """Return whether a function, class or module is of a package that is known."""
    name = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None) or ""
    return str(name).partition(".")[0] in _TRUSTED


def _read(function: FunctionType, seen: frozenset[Any]) -> Iterator[str]:
    yield from (f"{name} of the function around it" for name in function.__code__.co_freevars if name != "__class__")
    for code in _codes(function.__code__):
        yield from _globals(code, function.__globals__, seen)


def _codes(code: CodeType) -> Iterator[CodeType]:
    """A function's code, and that of the functions and comprehensions inside of it."""
    yield code
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _codes(inner)


def _globals(code: CodeType, known: dict[str, Any], seen: frozenset[Any]) -> Iterator[str]:
    instructions = list(dis.get_instructions(code))
    for place, each in enumerate(instructions):
        if each.opname not in ("LOAD_GLOBAL", "LOAD_NAME"):
            continue
        name, follows = str(each.argval), instructions[place + 1] if place + 1 < len(instructions) else None
        if name not in known:
            if name in _LOOKING:
                yield f"what {name}() finds"
            continue
        attribute = str(follows.argval) if follows and follows.opname in ("LOAD_ATTR", "LOAD_METHOD") else None
        yield from _of(name, known[name], attribute, seen)


def _of(name: str, value: Any, attribute: str | None, seen: frozenset[Any]) -> Iterator[str]:
    """What depends on a global, of which an attribute is read next, or none."""
    if isinstance(value, FunctionType):
        yield from depends_on(value, seen)
    elif isinstance(value, ModuleType | type):
        found = getattr(value, attribute, None) if attribute else None
        if isinstance(found, FunctionType):
            yield from depends_on(found, seen)
        elif attribute and not trusted(value) and not callable(found):
            yield f"{name}.{attribute}"
    elif not (callable(value) and (trusted(type(value)) or type(value).__module__ == "builtins")):
        yield f"{name} of its module"
