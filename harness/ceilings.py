"""Holds how fast this device copies and gathers, as it was observed in a run, and says which ceiling a case is under."""

from __future__ import annotations

import math
from typing import Literal

import msgspec


class Probe(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One way to move bytes, timed."""

    what: Literal["copy", "gather"]
    """``copy``: read and written in order. ``gather``: rows read in random order and summed up, which writes next to nothing."""
    means: str
    """What moved them: ``copy_``, ``embedding_bag``, ``triton``."""
    operand_bytes: int
    """Size of what was copied, or gathered from."""
    row_bytes: int | None = None
    """Size of one gathered row; None for a copy."""
    moved_bytes: int
    """Bytes that one call moves: those read and those written of a copy, the rows read of a gather."""
    times_s: list[float]
    """Seconds of one call, one entry a sample, in order."""

    @property
    def rate(self) -> float:
        """Bytes per second of the fastest sample: what else runs on a machine only ever adds time."""
        return self.moved_bytes / min(self.times_s)


class Ceilings(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one device reached when a run began: the ceilings of its cases."""

    device: str
    """``cpu``, ``cuda:0``: cases on another device have no ceiling."""
    cache_bytes: int | None = None
    """Size of the last cache before memory: L2 of a GPU, L3 of a CPU; None where it cannot be read."""
    probes: list[Probe] = []
    missing: str | None = None
    """Why there is no probe; None where there are."""

    def copy(self) -> float | None:
        """Return the bytes per second of a copy that no cache holds; None where it was not measured."""
        return max((probe.rate for probe in self.probes if probe.what == "copy"), default=None)

    def gather(self, row_bytes: int, operand_bytes: int) -> float | None:
        """Return the bytes per second of gathering such rows from an operand of such a size; None where it was not measured.

        An operand that fits in the cache is under the ceiling of the cache, a larger one under that of memory. Of the sizes of
        rows that were measured the nearest counts, and of the means the fastest.
        """
        fits = self.fits(operand_bytes)
        gathers = [probe for probe in self.probes if probe.what == "gather" and self.fits(probe.operand_bytes) == fits]
        nearest = min((_apart(probe, row_bytes) for probe in gathers), default=None)
        return max((probe.rate for probe in gathers if _apart(probe, row_bytes) == nearest), default=None)

    def fits(self, operand_bytes: int) -> bool:
        """Return whether an operand of such a size stays in the cache; no where the cache is not known."""
        return self.cache_bytes is not None and operand_bytes <= self.cache_bytes


def _apart(probe: Probe, row_bytes: int) -> float:
    return abs(math.log((probe.row_bytes or 1) / max(1, row_bytes)))
