"""How fast a device copies and gathers, as it was observed in a run, and so which ceiling a case is under."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from rsc_bench.harness.records.ranges import Count, Duration, Name, Positive, Share, Text

BUSY_PERCENT = 10.0
"""Share of the time of all cores from which on other programs disturb what is measured."""


class Probe(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One way to move bytes, timed."""

    what: Literal["copy", "gather"]
    """``copy``: read and written in order. ``gather``: rows read in random order and summed up, which writes next to nothing."""
    means: Name
    """What moved them: ``copy_``, ``embedding_bag``, ``triton``."""
    operand_bytes: Positive
    """Size of what was copied, or gathered from."""
    row_bytes: Positive | None = None
    """Size of one gathered row; None for a copy."""
    moved_bytes: Positive
    """Bytes that one call moves: those read and those written of a copy, the rows read of a gather."""
    times_s: Annotated[list[Duration], Meta(min_length=1)]
    """Seconds of one call, one entry a sample, in order."""

    @property
    def rate(self) -> float:
        """Bytes per second of the fastest sample: what else runs on a machine only ever adds time."""
        return self.moved_bytes / min(self.times_s)


class Ceilings(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one device reached when a run began: the ceilings of its cases."""

    device: Name
    """``cpu``, ``cuda:0``: cases on another device have no ceiling."""
    cache_bytes: Count | None = None
    """Size of the last cache before memory: L2 of a GPU, L3 of a CPU; None where it cannot be read."""
    probes: list[Probe] = []
    """What was tried: copies and gathers."""
    missing: Text | None = None
    """Why there is no probe; None where there are."""
    busy_share: Share | None = None
    """Share of the time of all cores that other programs took in the third of a second before the probes, in [0, 1]; None: not
    known, as in older files."""

    @property
    def disturbed(self) -> bool:
        """Whether other programs were at work on the cores that the probes ran on; those of a GPU are not looked at."""
        return self.device == "cpu" and self.busy_share is not None and 100 * self.busy_share > BUSY_PERCENT

    def copy(self) -> float | None:
        """Return the bytes per second of a copy that fits into no cache; None where it was not measured."""
        return max((probe.rate for probe in self.probes if probe.what == "copy"), default=None)

    def gather(self, row_bytes: int, operand_bytes: int) -> float | None:
        """Return the bytes per second of gathering such rows from an operand of such a size; None where it was not measured.

        Of the sizes of rows that were measured the nearest counts, and of the means the fastest; between two sizes of operands
        it is what a cache of a fixed size makes of them, beyond the ends that of the end.
        """
        measured = self._gathers(row_bytes)
        return _between(measured, operand_bytes) if measured else None

    def _gathers(self, row_bytes: int) -> list[tuple[int, float]]:
        """Return the size of each operand that rows of the nearest size were gathered from, ascending, and the best rate."""
        gathers = [probe for probe in self.probes if probe.what == "gather"]
        nearest = min((probe.row_bytes or 1 for probe in gathers), key=lambda size: _apart(size, row_bytes), default=None)
        rates: dict[int, float] = {}
        for probe in gathers:
            if probe.row_bytes == nearest:
                rates[probe.operand_bytes] = max(probe.rate, rates.get(probe.operand_bytes, 0.0))
        return sorted(rates.items())


def _between(measured: Sequence[tuple[int, float]], operand_bytes: int) -> float:
    """Return the rate at a size of operand, from pairs of (size, rate), ascending.

    Of random rows a cache has the share that its size is of the operand's, so the time of a byte is linear in one over
    the size.
    """
    size = max(measured[0][0], min(operand_bytes, measured[-1][0]))
    for (small, fast), (large, slow) in pairwise(measured):
        if size <= large:
            share = (1 - small / size) / (1 - small / large)
            return 1 / ((1 - share) / fast + share / slow)
    return measured[0][1]


def _apart(size: int, row_bytes: int) -> float:
    return abs(math.log(size / max(1, row_bytes)))
