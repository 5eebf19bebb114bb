"""Refuses a plug-in that is written with a value of another type than its field has, where it is written."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from numbers import Real
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from rsc_bench.optional import present
from rsc_bench.user_files import PluginError

LONGEST = 80
"""Letters of a refused value that are shown."""

_WORDS = {str: "a text", bool: "True or False", int: "a whole number", Real: "a number", NoneType: "None"}


class Plugin:
    """The base of every kind of plug-in: raises ``ValueError`` for a name that nobody could give, and for a field of another type.

    Every field counts, also one that is only looked at much later: what is not understood there would be passed over in silence.
    """

    name: str

    def __post_init__(self) -> None:
        kind = type(self).__name__.lower()
        if not isinstance(self.name, str) or not self.name.strip() or not self.name.isprintable():
            rule = "must be a text that is not empty, in one line"
            raise ValueError(f"the name of {_a(kind)} {rule} (got {_shown(self.name)}): it is chosen and recorded by that")
        for field, hint in get_type_hints(type(self)).items():
            value = getattr(self, field)
            if not _fits(value, hint):
                rule = f"must be {_words(hint)} (got {_shown(value)}){_remedy(value, hint)}"
                raise ValueError(f"{kind} {self.name!r}: {field} {rule}")

    def why_not(self) -> str | None:
        """Return why it cannot be used on this machine, with the remedy; None where it can, or has nothing that says so."""
        reason: str | None = self.answer("missing", str | None, getattr(self, "missing", present)())
        return reason

    def answer(self, field: str, wanted: Any, given: Any) -> Any:
        """Return what the function in a field gave; raises `PluginError` where it is nothing of the type wanted."""
        if not _fits(given, wanted):
            rule = f"{field} must return {_words(wanted)} (got {_shown(given)})"
            raise PluginError(f"{type(self).__name__.lower()} {self.name!r}: {rule}")
        return given


def _fits(value: object, hint: Any) -> bool:
    """Return whether a value is of the type that an annotation names; a function must take as many arguments."""
    origin, inside = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return any(_fits(value, each) for each in inside)
    if origin is Literal:
        return any(type(value) is type(each) and value == each for each in inside)
    if _is_function(hint):
        return callable(value) and _takes(value, inside)
    if origin in (tuple, Sequence):
        # Not any sequence: a text is a sequence of texts, and never what is meant.
        return isinstance(value, tuple if origin is tuple else tuple | list) and all(_fits(each, inside[0]) for each in value)
    # True is a whole number to Python, and never meant as one.
    return isinstance(value, hint) and not (hint is int and isinstance(value, bool))


def _is_function(hint: Any) -> bool:
    """Return whether an annotation is that of a function: ``Callable[...]``, or a protocol with a call."""
    return get_origin(hint) is Callable or (getattr(hint, "_is_protocol", False) and "__call__" in vars(hint))


def _takes(function: Callable[..., object], inside: tuple[Any, ...]) -> bool:
    """Return whether a function can be called as ``Callable[[...], ...]`` says; True where nothing says how it is called."""
    if not inside or not isinstance(inside[0], list):
        return True
    try:
        signature = inspect.signature(function)
    except ValueError:  # of one that is written in C
        return True
    try:
        signature.bind(*inside[0])
    except TypeError:
        return False
    return True


def _words(hint: Any) -> str:
    """What an annotation allows, as words."""
    origin, inside = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return " or ".join(_words(each) for each in inside)
    if origin is Literal:
        return _or([repr(each) for each in inside])
    if _is_function(hint):
        count = len(inside[0]) if inside and isinstance(inside[0], list) else None
        return "a function" if count is None else f"a function of {count} {'argument' if count == 1 else 'arguments'}"
    if origin in (tuple, Sequence):
        return f"{'a tuple' if origin is tuple else 'a tuple or list'} of {_words(inside[0]).removeprefix('a ')}s"
    return _WORDS.get(hint) or f"a {hint.__name__}"


def _remedy(value: object, hint: Any) -> str:
    if isinstance(value, str) and any(get_origin(each) in (tuple, Sequence) for each in (hint, *get_args(hint))):
        return f": write ({value!r},)"
    if _is_function(hint) and not callable(value):
        return ": give the function itself, not what it returns"
    return ""


def _or(words: list[str]) -> str:
    return f"{', '.join(words[:-1])} or {words[-1]}" if len(words) > 1 else words[0]


def _a(kind: str) -> str:
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"


def _shown(value: object) -> str:
    text = " ".join(repr(value).split())
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
