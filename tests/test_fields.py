"""Every kind of plug-in refuses what it would not understand later, where it is written; what its functions give is checked too."""

import dataclasses
import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pytest

from rsc_bench.fields import LONGEST, Plugin
from rsc_bench.plugins import KINDS, PluginError, load

OURS = {name: kind for name, kind in KINDS.items() if name != "command"}  # commands are click's own class


@dataclass(frozen=True)
class Thing(Plugin):
    name: str
    summary: str = "Mine."
    size: int = 1
    ready: bool = True
    colour: Literal["red", "blue"] = "red"
    grow: Callable[[int, int], int] = max
    shrink: Callable[..., int] | None = None
    parts: tuple[str, ...] = ()
    names: Sequence[str] = ()
    pair: tuple[str, ...] | None = None


@pytest.mark.parametrize("name", [None, 3, "", " ", "two\nlines"], ids=repr)
def test_a_name_that_nobody_could_give_is_refused(name):
    rule = "must be a text that is not empty, in one line"
    with pytest.raises(ValueError, match="name") as caught:
        Thing(name)
    assert str(caught.value) == f"the name of a thing {rule} (got {name!r}): it is chosen and recorded by that"


@pytest.mark.parametrize(
    ("given", "rule"),
    [
        ({"summary": 3}, "summary must be a text (got 3)"),
        ({"size": "3"}, "size must be a whole number (got '3')"),
        ({"size": True}, "size must be a whole number (got True)"),
        ({"size": 1.0}, "size must be a whole number (got 1.0)"),
        ({"ready": 1}, "ready must be True or False (got 1)"),
        ({"ready": "no"}, "ready must be True or False (got 'no')"),
        ({"colour": "Red"}, "colour must be 'red' or 'blue' (got 'Red')"),
        ({"colour": ["red"]}, "colour must be 'red' or 'blue' (got ['red'])"),
        ({"grow": 3}, "grow must be a function of 2 arguments (got 3): give the function itself, not what it returns"),
        ({"grow": None}, "grow must be a function of 2 arguments (got None): give the function itself, not what it returns"),
        ({"shrink": 3}, "shrink must be a function or None (got 3)"),
        ({"parts": "abc"}, "parts must be a tuple of texts (got 'abc'): write ('abc',)"),
        ({"parts": ["abc"]}, "parts must be a tuple of texts (got ['abc'])"),
        ({"parts": ("abc", 3)}, "parts must be a tuple of texts (got ('abc', 3))"),
        ({"names": "abc"}, "names must be a tuple or list of texts (got 'abc'): write ('abc',)"),
        ({"names": {"abc"}}, "names must be a tuple or list of texts (got {'abc'})"),
        ({"pair": "abc"}, "pair must be a tuple of texts or None (got 'abc'): write ('abc',)"),
    ],
    ids=str,
)
def test_a_value_of_another_type_is_refused_with_the_rule(given, rule):
    with pytest.raises(ValueError, match="must be") as caught:
        Thing("mine", **given)
    assert str(caught.value) == f"thing 'mine': {rule}"


def test_a_function_must_take_as_many_values_as_it_is_called_with():
    with pytest.raises(ValueError, match=r"^thing 'mine': grow must be a function of 2 arguments \(got <function [^\n]*\)$"):
        Thing("mine", grow=lambda one: one)


@pytest.mark.parametrize("grow", [min, lambda *every: 1, lambda one, two, three=3: 1, int.__add__, pow])
def test_whatever_can_be_called_so_is_a_function(grow):
    assert Thing("mine", grow=grow).grow is grow


def test_what_fits_is_taken_as_it_is():
    made = Thing("mine", "Mine.", 2, False, "blue", max, len, ("a",), ["b"], ("c", "d"))
    assert dataclasses.astuple(made) == ("mine", "Mine.", 2, False, "blue", max, len, ("a",), ["b"], ("c", "d"))


def test_a_refused_value_is_one_line_and_no_page():
    with pytest.raises(ValueError, match="summary") as caught:
        Thing("mine", [f"line\n{number}" for number in range(1000)])
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < LONGEST + 60


def test_what_is_missing_is_a_text_or_nothing():
    @dataclass(frozen=True)
    class Lacking(Plugin):
        name: str
        missing: Callable[[], Any]

    assert Thing("mine").why_not() is None
    assert Lacking("mine", lambda: None).why_not() is None
    assert Lacking("mine", lambda: "no GPU").why_not() == "no GPU"
    with pytest.raises(PluginError, match=r"^lacking 'mine': missing must return a text or None \(got True\)$"):
        Lacking("mine", lambda: True).why_not()


@pytest.mark.parametrize(
    ("wanted", "given", "words"),
    [
        (str, None, "a text (got None)"),
        (Thing, 3, "a Thing (got 3)"),
        (Sequence[Thing], [None], "a tuple or list of Things (got [None])"),
        (Sequence[Thing], None, "a tuple or list of Things (got None)"),
    ],
    ids=str,
)
def test_what_a_function_gives_must_be_of_its_type(wanted, given, words):
    with pytest.raises(PluginError) as caught:
        Thing("mine").answer("grow", wanted, given)
    assert str(caught.value) == f"thing 'mine': grow must return {words}"
    assert Thing("mine").answer("grow", object, given) is given


def class_of(kind):
    module, _, name = kind.type.partition(":")
    return getattr(importlib.import_module(module), name)


@pytest.mark.parametrize("kind", OURS.values(), ids=lambda kind: kind.name)
def test_every_kind_checks_every_field_of_a_plugin(kind):
    made = next(iter(load(kind.name).values()))
    assert isinstance(made, class_of(kind))
    junk = object()  # is of no type that a field has
    for field in dataclasses.fields(made):
        with pytest.raises(ValueError, match=f"{field.name}.* must"):
            dataclasses.replace(made, **{field.name: junk})
