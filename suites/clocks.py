"""Chooses the clocks that time a case: those asked for that can time its device, else the usual ones of that device."""

from __future__ import annotations

from collections.abc import Iterator

from rsc_bench.harness.clocks import Clock
from rsc_bench.harness.plugins import load

CLOCKS: dict[str, Clock] = dict(load("rsc_bench.harness.clocks", "CLOCK"))
TRAINING = "host"
"""Trains by this clock, whatever was asked for: an epoch is long, and what the host does between kernels is part of it."""


def of(device: str, asked: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Return the names of the clocks for a device, at least one."""
    named = tuple(name for name in dict.fromkeys(asked) if _times(name, device))
    return named or tuple(name for name, clock in CLOCKS.items() if _kind(device) in clock.default)


def refusals(asked: tuple[str, ...], device: str) -> Iterator[str]:
    """Yield why a ``--clock`` cannot be used on the device of the run."""
    for name in asked:
        if name not in CLOCKS:
            yield f"--clock must be one of {', '.join(CLOCKS)} (got {name})"
        elif not _times(name, device):
            usable = ", ".join(known for known in CLOCKS if _times(known, device))
            yield f"--clock {name} must time the run's device, {device} (it times {', '.join(CLOCKS[name].devices)}): use {usable}"


def _times(name: str, device: str) -> bool:
    return _kind(device) in CLOCKS[name].devices


def _kind(device: str) -> str:
    return device.partition(":")[0]
