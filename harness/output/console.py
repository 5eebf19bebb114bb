"""Where text is shown: how wide it may be, whether in colour, and what draws a table of rich into it."""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass

LOG_WIDTH = 160
"""Columns where there is no terminal: a job's log has no width, and no name of a case is to be folded there."""


@dataclass(frozen=True)
class Screen:
    """What a text is drawn for."""

    width: int = LOG_WIDTH
    """Columns."""
    colour: bool = False
    every_case: bool = False
    """Whether cases are shown in which nothing changed."""


def screen(every_case: bool = False) -> Screen:
    """Return the screen that standard output goes to."""
    on_terminal = sys.stdout.isatty()
    return Screen(shutil.get_terminal_size().columns if on_terminal else LOG_WIDTH, on_terminal, every_case)


def drawn(screen: Screen, *parts: object, soft_wrap: bool = False) -> str:
    """Return texts and tables of rich as lines without blanks at their ends; with `soft_wrap` a line is never broken."""
    from rich.console import Console

    console = Console(
        width=screen.width, force_terminal=screen.colour, color_system="standard" if screen.colour else None, highlight=False
    )
    with console.capture() as captured:
        for part in parts:
            console.print(part, soft_wrap=soft_wrap)
    return "".join(f"{line.rstrip()}\n" for line in captured.get().splitlines())
