"""The layouts that graph files come in; one format a file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from rsc_bench.suites.graphs.parts import Parts


@dataclass(frozen=True)
class Format:
    """A layout of graph files; a file in ``suites/graphs/formats`` that defines ``FORMAT = Format(...)`` is one."""

    name: str
    summary: str
    """One sentence: what the file holds."""
    suffixes: Sequence[str]
    """How names of such files end: ``.mtx.gz``."""
    claims: Callable[[Path], bool]
    """Whether a file with one of the suffixes is of this layout; raises `GraphError` where it cannot even be opened."""
    read: Callable[[Path, str | None], Parts]
    """From the path, and what stands behind ``#`` in the name, to what the file holds; raises `GraphError`."""
    option: str | None = None
    """What stands behind ``#``; None: nothing may."""
