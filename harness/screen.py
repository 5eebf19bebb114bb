"""Says how wide what is printed may be, and whether it may be in colour."""

from __future__ import annotations

import shutil
import sys


def screen() -> tuple[int, bool]:
    """Return columns to draw in, and whether in colour."""
    # A job's log has no width: fold no case name there.
    on_terminal = sys.stdout.isatty()
    return shutil.get_terminal_size().columns if on_terminal else 160, on_terminal
