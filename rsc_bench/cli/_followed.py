"""What a command follows: the results files that are there now, of paths that may come later, and the signals that end it."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from rsc_bench.cli._runs import stored_in

RESULTS = Path("results")
"""The folder of results where none is named."""


class Places:
    """Results files, and folders of them, each of which may come into being later where its own folder is there."""

    def __init__(self, given: Sequence[Path], *, newest: bool = False) -> None:
        """Name the places; raises one line for a place that cannot come into being.

        Args:
            given: files and folders; what is not there yet is a folder where its name has no ending.
            newest: whether of what is there already only the newest file counts.
        """
        self.given = given
        for path in given:
            if not path.parent.is_dir():
                reason = f"cannot be waited for, there is no folder {path.parent}"
                raise click.ClickException(f"{path}: {reason}: make it, or give another path")
        self._since_ns = max(map(_written_ns, self._there()), default=0) if newest else 0

    @property
    def page(self) -> Path:
        """Where their page is, unless the user says so."""
        return page_of(self.given[0])

    def found(self) -> list[Path]:
        """Return the files that are there now, each once."""
        return [path for path in self._there() if _written_ns(path) >= self._since_ns]

    def _there(self) -> list[Path]:
        inside = [each for path in self.given if path.is_dir() for each in stored_in(path)]
        return list(dict.fromkeys([*(path for path in self.given if path.exists() and not path.is_dir()), *inside]))


def page_of(named: Path) -> Path:
    """Return where the page of a results file is, or of a folder of them."""
    is_folder = named.is_dir() or not (named.exists() or named.suffix)
    return named / "report.html" if is_folder else named.with_suffix(".html")


def _written_ns(path: Path) -> int:
    with contextlib.suppress(OSError):
        return path.stat().st_mtime_ns
    return -1  # gone since it was listed


@contextlib.contextmanager
def interrupted_by_sigterm() -> Iterator[None]:
    """Let SIGTERM end what is inside as Ctrl-C does."""
    was = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, was)
