"""Turns the seconds that a training spent by epoch and phase into means over chosen epochs."""

from __future__ import annotations

from collections.abc import Sequence

from rsc_bench.harness.record import Measurement

OWN = ("select", "allocate")
"""The phases that only sampling has."""


def sampled(measurement: Measurement) -> list[int]:
    """Return the epochs that spent less than the exact FLOPs; all epochs where none did, or where it is not recorded."""
    shares = measurement.flops_share or []
    return [epoch for epoch, share in enumerate(shares) if share < 1] or list(range(len(measurement.epoch_s or [])))


def mean_s(measurement: Measurement, phases: Sequence[str], epochs: Sequence[int]) -> float | None:
    """Return the mean seconds that one of `epochs` spent in `phases` together; None where none of these was recorded."""
    recorded = [seconds for name, seconds in (measurement.phase_s or {}).items() if name in phases]
    spent = [seconds[epoch] for seconds in recorded for epoch in epochs if epoch < len(seconds)]
    return sum(spent) / len(epochs) if spent else None
