"""What the doctor looks at, a subject a file: each turns what it is given into findings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "hint", "missing"]


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    name: str
    state: State
    """``ok``; ``hint``: works, but numbers get noisy or something optional is absent; ``missing``: does not work without."""
    summary: str
    """What was found."""
    remedy: str | None = None
    """What to do about it; None where nothing needs doing."""
