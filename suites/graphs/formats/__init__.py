"""The layouts that graph files come in; one format a file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rsc_bench.fields import Plugin
from rsc_bench.suites.graphs.parts import Parts


@dataclass(frozen=True)
class Format(Plugin):
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

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.suffixes:
            raise ValueError(f"format {self.name!r}: suffixes must name how its files end (got none)")
        for suffix in self.suffixes:
            if not suffix.startswith(".") or suffix != suffix.lower():
                rule = "must begin with '.' and be in small letters, as '.mtx.gz'"
                raise ValueError(f"format {self.name!r}: a suffix {rule} (got {suffix!r}): names are compared in small letters")
