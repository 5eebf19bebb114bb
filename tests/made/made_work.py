"""Work of which nothing can be changed and looked at, for tests of what calls it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rsc_bench.harness.measure.work import Unprobed


class Opaque:
    """Gives a piece of work the parts that look into it, which find nothing."""

    def check_kept(self) -> None:
        """Find nothing wrong."""

    def check_memory(self) -> None:
        """Find nothing."""

    def check_operands(self) -> None:
        """Find nothing."""

    def probe(self, call: Callable[[], Any]) -> Unprobed:
        """Look at nothing."""
        return Unprobed(call)
