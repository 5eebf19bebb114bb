"""What a reader or a program gets of a comparison, one output a file; beside them the texts of a recommendation and a profile."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rsc_bench.fields import Plugin

if TYPE_CHECKING:
    from rsc_bench.harness.compare.comparison import Comparison
    from rsc_bench.harness.output.console import Screen
else:
    Comparison = Screen = Any  # the help names every output, and must not import NumPy for that


@dataclass(frozen=True)
class Output(Plugin):
    """A form of a comparison; a file in ``harness/output`` that defines ``OUTPUT = Output(...)`` is one.

    ``compare`` and ``ab`` write it with the option of its name, ``--markdown FILE``.
    """

    name: str
    """A word: it becomes an option."""
    summary: str
    """One sentence: what form it is, for the help of the option."""
    render: Callable[[Comparison, Screen], str]
    """Returns the text; only what is for a terminal looks at the screen."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not re.fullmatch(r"[a-z][a-z0-9-]*", self.name):
            raise ValueError(f"output {self.name!r}: its name must be letters, digits and '-', as it becomes the option --NAME")
