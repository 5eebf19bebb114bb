"""Two sides measured in turns, a round of each: what was slow for a while was slow for both."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

FILE = "{file}"
"""What stands in a command for the path of the file that its round may write."""


class AlternatingError(Exception):
    """Sides that cannot be measured; the message says what is wrong and what to do."""


@dataclass(frozen=True)
class Command:
    """What a round runs in the checkout of its side: our suites, or any program."""

    name: str
    """For a reader: ``the suites``, or the command as it was written."""
    words: tuple[str, ...]
    """The program and its arguments; `FILE` in any of them becomes the path of a file."""
    left_a_round: tuple[int, ...] = (0,)
    """Exit statuses with which it has left a round."""
    may_print: bool = True
    """Whether what it prints may be the round; our suites print no time, and leave a file."""


@dataclass(frozen=True)
class Side:
    """One of the two that are compared."""

    name: str
    """``base``, ``new``, with what stands behind it: ``new (the working tree)``."""
    folder: Path
    """The checkout that is measured."""
    results: Path
    """The results file that its rounds go to; there is none yet."""
    command: Command
    """What is run for a round."""
    within: Path = Path()
    """Where in the checkout it is run."""

    @property
    def place(self) -> Path:
        """The folder that the command is run in."""
        return self.folder / self.within


def turns(rounds: int) -> list[tuple[int, int]]:
    """Return whose turn it is, as the index of a round, from 1, and the place of a side, 0 or 1: A B, B A, A B, ...

    The two rounds of an index are neighbours, and who comes first alternates: a machine that gets slower at a steady pace
    slows both sides by the same.
    """
    return [(index, side) for index in range(1, rounds + 1) for side in ((0, 1) if index % 2 else (1, 0))]
