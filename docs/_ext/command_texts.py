"""Makes the help of commands, which is written for a terminal, into reStructuredText for the guide."""

from __future__ import annotations

import re

import click
from sphinx.application import Sphinx

_LITERAL = re.compile(r"``[^`]+``|`(?P<quoted>[^`]+)`|(?<!\S)(?P<option>--[\w-]*)(?=[\s,.:;)]|$)")
_DEFAULT = re.compile(r"``(?:PosixPath\()?'([^']*)'\)?``")
_DIRECTIVE = ".. "


def as_literals(line: str) -> str:
    """Return a line in which options, and what stands in single backticks, are shown letter by letter."""
    return _LITERAL.sub(lambda found: f"``{text}``" if (text := found["quoted"] or found["option"]) else found[0], line)


def describe(_app: Sphinx, _context: click.Context, lines: list[str]) -> None:
    """Change the lines of a command's help in place."""
    lines[:] = [line if line.startswith(_DIRECTIVE) else as_literals(line) for line in lines]


def describe_options(app: Sphinx, context: click.Context, lines: list[str]) -> None:
    """Change the lines of its options in place; a default is shown as a user writes it, ``5%`` and ``results``."""
    describe(app, context, lines)
    lines[:] = [_DEFAULT.sub(r"``\1``", line) for line in lines]


def setup(app: Sphinx) -> dict[str, bool]:
    """Listen to what sphinx-click has found."""
    app.connect("sphinx-click-process-description", describe)
    app.connect("sphinx-click-process-options", describe_options)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
