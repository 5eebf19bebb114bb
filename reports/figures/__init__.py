"""The figures of the page; one figure a file, found by its constant ``FIGURE``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rsc_bench.reports.tables.table import Table


@dataclass(frozen=True)
class Figure:
    """A drawing of the table, with the words that stand around it."""

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
