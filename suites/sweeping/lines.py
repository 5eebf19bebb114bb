"""Finds the line of a study that something stands in, so that an error can name it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_HEADER = re.compile(r"\s*\[\[?([^\]]+)\]")
_QUOTES = re.compile(r'"""|\'\'\'')


class StudyError(Exception):
    """A study that cannot be used; the message names the file, the line, the key, the rule and the remedy."""


@dataclass(frozen=True)
class Lines:
    """Where what is in a TOML file."""

    path: Path
    text: str

    def error(self, block: str, key: str, what: str) -> StudyError:
        """Return the error that names the line of a key, in a block or above all of them; of an empty key that of the block."""
        named = " ".join(filter(None, [f"[{block}]" * bool(block), f"{key}:" * bool(key)]))
        return StudyError(f"{self.path}: line {self.line(block, key)}: {named} {what}")

    def line(self, block: str, key: str) -> int:
        """Return the line of a key, counted from 1; that of the block, or the first one, where the key is not found."""
        begins = 1
        for number, here, line in self._lines():
            header = _HEADER.match(line) is not None
            if header and here in (block, f"{block}.{key}"):
                if here != block or not key:
                    return number
                begins = number
            elif not header and self._has(line, here, block, key):
                return number
        return begins

    def _lines(self) -> Iterator[tuple[int, str, str]]:
        """Yield each line with its number and the table that it is in, but for those inside of a text of several lines."""
        here, inside = "", False
        for number, line in enumerate(self.text.splitlines(), start=1):
            was_inside, inside = inside, inside != (len(_QUOTES.findall(line)) % 2 == 1)
            if was_inside:
                continue
            header = _HEADER.match(line)
            here = _unquoted(header[1]) if header else here
            yield number, here, line

    def _has(self, line: str, here: str, block: str, key: str) -> bool:
        """Whether a line gives a key of a block a value: in its table, dotted above all tables, or in a table on one line."""
        block_here, wanted = _quoted(block), _quoted(key)
        if here == block:
            return bool(key) and re.match(rf"\s*{wanted}\s*[=.]", line) is not None
        if here or not block:
            return False
        dotted = rf"\s*{block_here}\s*\.\s*{wanted}\s*[=.]" if key else rf"\s*{block_here}\s*[=.]"
        return re.match(rf"{dotted}|\s*{block_here}\s*=\s*\{{.*?{wanted}\s*=", line) is not None

    def blamed(self, block: str, message: str) -> StudyError:
        """Return the error of an option of a block as that of the line that its value stands in."""
        content = tomllib.loads(self.text)
        option = next((word[2:].rstrip(":") for word in message.split() if word.startswith("--")), "")
        common = {key: value for key, value in content.items() if not isinstance(value, dict)}
        values = common | content.get(block, {})
        named = (key for key, value in values.items() if any(_says(message, each) for each in _several(value)))
        key = option if option in values else next(named, "")
        return self.error(block if key in content.get(block, {}) or not key else "", key, re.sub(r"^--[a-z-]+:?\s*", "", message))


def _says(message: str, value: Any) -> bool:
    """Whether a message is about a value: one of two letters is in many a word."""
    return len(str(value)) > 2 and str(value) in message


def _several(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _quoted(name: str) -> str:
    """A pattern for a key as TOML may write it."""
    return rf"[\"']?{re.escape(name)}[\"']?"


def _unquoted(header: str) -> str:
    return ".".join(part.strip().strip("\"'") for part in header.split("."))
