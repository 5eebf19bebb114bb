"""Turns the steps of an energy counter into the energy of one call."""

from __future__ import annotations

from rsc_bench.harness.record import Measurement


def call_j(measurement: Measurement) -> float | None:
    """Return joules of one call above what the GPU takes when idle; None where they were not measured, or lost in idle power.

    From the first step of the counter to the last, so that both ends lie where the counter was renewed: its value between two
    steps is old.
    """
    seen = measurement.energy
    if seen is None:
        return None
    mean_w = (seen.counter_j[-1] - seen.counter_j[0]) / (seen.step_s[-1] - seen.step_s[0])
    joules = (mean_w - seen.idle_w) * seen.pass_s / seen.calls
    return joules if joules > 0 else None
