"""The values that a field of a results file may have: they are held to these where a file is read.

Wide enough for all that is ever observed, and so narrow that no ratio, square or sum of what was read leaves a float.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

LONGEST_S, SHORTEST_S = 1e12, 1e-15
"""Seconds that nobody waits for, and a step that no clock has."""
LETTERS = 4096
"""Of a name: as many as a path may have on Linux."""
MANY_LETTERS = 100_000
"""Of a reason, which may quote what another program said."""

_LARGEST = 2**62

Name = Annotated[str, Meta(max_length=LETTERS)]
Text = Annotated[str, Meta(max_length=MANY_LETTERS)]
Count = Annotated[int, Meta(ge=0, le=_LARGEST)]
Positive = Annotated[int, Meta(ge=1, le=_LARGEST)]
Seed = Annotated[int, Meta(ge=-_LARGEST, le=_LARGEST)]
Width = Annotated[int, Meta(ge=0, le=2**31)]
"""Of a dense operand."""
Seconds = Annotated[float, Meta(ge=0, le=LONGEST_S)]
"""A time that a clock may have been too coarse for."""
Duration = Annotated[float, Meta(ge=SHORTEST_S, le=LONGEST_S)]
"""A time that something is divided by."""
Moment = Annotated[float, Meta(ge=-LONGEST_S, le=LONGEST_S)]
"""Seconds from some other moment, before or after it."""
Share = Annotated[float, Meta(ge=0, le=1)]
"""Of a whole, a budget among them: one of 0 is in files of before."""
Level = Annotated[float, Meta(ge=0, le=1e30)]
"""An error, a power, an energy: what is never negative."""
Value = Annotated[float, Meta(ge=-1e30, le=1e30)]
Celsius = Annotated[int, Meta(ge=-273, le=10_000)]
