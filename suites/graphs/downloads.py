"""Where published graphs lie, and the one line that a download which fails comes to."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rsc_bench.suites.graphs.formats.limits import UNREADABLE
from rsc_bench.suites.graphs.graph import GraphError

if TYPE_CHECKING:
    from collections.abc import Iterator

DATA_ROOT = Path("data")
"""Folder of published graphs where none is given."""


@contextmanager
def available(name: str, root: Path) -> Iterator[None]:
    """Turn what stops a download, or the reading of what was downloaded, into one line."""
    try:
        root.mkdir(parents=True, exist_ok=True)
        yield
    except (*UNREADABLE, RuntimeError, Warning) as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        remedy = "connect to the network, or copy the data set into that folder (--data-root)"
        raise GraphError(f"graph {name!r} is not available from {root} ({reason}): {remedy}") from error
