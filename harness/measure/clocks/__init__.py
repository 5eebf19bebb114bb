"""The timing modes, one a file; a number is only ever compared with numbers of its own clock."""

from __future__ import annotations

from rsc_bench.harness.measure.timing import CannotTime, Clock, Opened, Sample, Timed

__all__ = ["CannotTime", "Clock", "Opened", "Sample", "Timed"]
