"""Makes what autodoc finds readable: defaults that are functions by their names, and docstrings of fields as they are written."""

from __future__ import annotations

import re
from typing import Any

from sphinx.application import Sphinx

_LAMBDA = re.compile(r"<function [\w.]*<lambda>[^>]*>")
_NAMED = re.compile(r"<function ([\w.]+)[^>]*>")
_PRIVATE = re.compile(r", _\w+: [^=]* = <factory>")
_BEFORE_NAPOLEON, _AFTER_NAPOLEON = 400, 600
"""Napoleon has the usual 500; listeners are called in ascending order."""
_COLON = "\ue000"
"""Stands for a colon while Napoleon reads; of Unicode's private use, so that no text has it."""


def by_name(
    _app: Sphinx, _what: str, _name: str, _obj: Any, _options: Any, signature: str | None, result: str | None
) -> tuple[str | None, str | None]:
    """Return the signature with functions by their names, and without fields that are private."""
    if signature is None:
        return None, result
    shown = _PRIVATE.sub("", signature).replace("<factory>", "...")
    return _NAMED.sub(r"\1", _LAMBDA.sub("...", shown)), result


def hide_colons(_app: Sphinx, what: str, _name: str, _obj: Any, _options: Any, lines: list[str]) -> None:
    """Keep Napoleon from taking what stands before the first colon of a field's docstring for its type; changes `lines`."""
    if what in ("attribute", "property", "data"):
        lines[:] = [line.replace(":", _COLON) for line in lines]


def show_colons(_app: Sphinx, _what: str, _name: str, _obj: Any, _options: Any, lines: list[str]) -> None:
    """Take `hide_colons` back."""
    lines[:] = [line.replace(_COLON, ":") for line in lines]


def setup(app: Sphinx) -> dict[str, bool]:
    """Listen to what autodoc has found."""
    app.connect("autodoc-process-signature", by_name)
    app.connect("autodoc-process-docstring", hide_colons, priority=_BEFORE_NAPOLEON)
    app.connect("autodoc-process-docstring", show_colons, priority=_AFTER_NAPOLEON)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
