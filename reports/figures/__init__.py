"""The figures of the page; one figure a file, found by its constant ``FIGURE``."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rsc_bench.fields import Plugin
from rsc_bench.reports.tables.table import Table


@dataclass(frozen=True)
class Figure(Plugin):
    """A drawing of the table, with the words that stand around it.

    Raises ``ValueError`` for a name that the page cannot link to, and for a `draw` that cannot be called.
    """

    name: str
    """Stands in the page's addresses: ``error_speedup``."""
    title: str
    caption: str
    """What is drawn against what, and how to read it, in a sentence or two."""
    draw: Callable[[Table], Any]
    """From a table whose texts are escaped to a plotly figure; None where the table has nothing to draw."""
    order: int = 100
    """Figures stand on the page in ascending order; a new one comes last."""
    every_run: bool = False
    """Whether `draw` gets every run of a machine; else, where these make a history, each product as its last run measured it."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not re.fullmatch(r"[\w-]+", self.name):
            rule = "must be letters, digits, underscores and hyphens"
            raise ValueError(f"a figure's name {rule} (got {self.name!r}): the page links to it by that")
