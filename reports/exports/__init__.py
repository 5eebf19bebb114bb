"""The formats that numbers leave in for other programs and for papers; one format a file, found by its constant ``EXPORT``."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from rsc_bench.fields import Plugin
from rsc_bench.harness.metrics import Metric
from rsc_bench.optional import present
from rsc_bench.reports.numbers.results import Results


class NothingToExport(Exception):
    """A run without what a format holds; the message says what is missing and what to do."""


@dataclass(frozen=True)
class Export(Plugin):
    """A format of a results file for another program; ``export --format NAME`` writes it.

    Raises ``ValueError`` for a name that nobody can write as an option, and for a suffix without a point.
    """

    name: str
    """Letters, digits, hyphens and underscores: it is the value of an option."""
    summary: str
    """One sentence: what it holds, and for whom."""
    suffix: str
    """End of the name of a file that is written beside the results, ``.csv``."""
    render: Callable[[Results, tuple[Metric, ...]], str | bytes]
    """Return the content of the file, from the run and the metrics that were chosen, none of which means those that there are.

    It writes nothing. It contains `rsc_bench.files.MARK` near its start or its end, unless it `begins` in a way of its own. Raises
    `NothingToExport` where the run has nothing that the format holds.
    """
    begins: str = ""
    """How every such file begins, of a format without a place for our mark: another file is never replaced by an export."""
    takes_metrics: bool = True
    """Whether ``--metric`` chooses what is in it."""
    left_out: Callable[[Results], list[str]] | None = None
    """Return what it has no place for, in words, a case each; None: it has place for all."""
    missing: Callable[[], str | None] = present
    """Return why it cannot be written here, with the remedy; None where it can."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", self.name):
            raise ValueError(f"export {self.name!r}: its name must be letters, digits, '-' and '_', as it is the value of --format")
        if not re.fullmatch(r"(\.\w+)+", self.suffix):
            raise ValueError(f"export {self.name!r}: its suffix must begin with a point, '.csv' (got {self.suffix!r})")


def whether_installed(package: str) -> Callable[[], str | None]:
    """Return a function that says how to get a package where it is absent: what a format needs of other libraries."""

    def missing() -> str | None:
        from importlib.util import find_spec

        from rsc_bench.optional import absent

        return None if find_spec(package) else absent(package)

    return missing
