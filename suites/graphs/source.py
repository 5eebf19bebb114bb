"""What a source of graphs is: the names it knows and a way to load each; one source a file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rsc_bench.fields import Plugin
from rsc_bench.optional import present
from rsc_bench.suites.graphs.graph import Graph


@dataclass(frozen=True)
class Source(Plugin):
    """Where graphs come from; a file in ``suites/graphs`` that defines ``SOURCE = Source(...)`` is one."""

    name: str
    summary: str
    """One sentence: what graphs these are."""
    names: Sequence[str]
    """Every graph it knows by name, without scale."""
    load: Callable[[str, Path | None], Graph]
    """From a name (or path) and the data root to the graph; raises `GraphError`."""
    check: Callable[[str, Path | None], str] = lambda name, data_root: name  # noqa: ARG005
    """From a name to the one its records keep, before the graph is made; raises `GraphError` where it is not available."""
    missing: Callable[[], str | None] = present
    """Why it cannot be used on this machine, with the remedy; None where it can."""
    scales: bool = False
    """Whether ``@scale`` may stand behind its names."""
    claims: Callable[[str], bool] | None = None
    """Whether a name that no source knows is for this one (a path, say); None: known names only."""
    contents: Callable[[str, Path | None], Sequence[Path] | None] | None = None
    """From a name and the data root to the files that its graph is made of, none where code alone makes it: a graph that was made
    before comes from the cache on disk until one of them changes. None, given or returned: its graphs are never kept."""
    nodes: Callable[[str, Path | None], int | None] = lambda name, data_root: None  # noqa: ARG005
    """From a name to the number of nodes, before the graph is made; None, given or returned: it is known only then."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.names and self.claims is None:
            raise ValueError(f"source {self.name!r}: must have names, or claims for those that it does not list (got neither)")
        for name in self.names:
            if not name or "@" in name:
                rule = "must not be empty, and be without '@', behind which a scale stands"
                raise ValueError(f"source {self.name!r}: each of its names {rule} (got {name!r})")
