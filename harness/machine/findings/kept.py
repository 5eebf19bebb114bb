"""What is kept on disk for the next run: where, how much of it, how much it may become, and whether it can be written."""

from __future__ import annotations

from pathlib import Path

from rsc_bench import caches
from rsc_bench.harness.machine.findings import Finding

_ELSEWHERE = f"set {caches.PLACE} to a folder that can be written; without one every graph is made anew in each run"


def cache(place: Path | None = None) -> Finding:
    """Return what is kept below a folder; None: the folder of this user."""
    place = caches.graphs() if place is None else place
    reason = caches.refusal(place)
    if reason is not None:
        return Finding("cache", "hint", f"{place} cannot be written ({reason})", _ELSEWHERE)
    taken = caches.taken_bytes(place)
    try:
        most = caches.most_bytes(taken)
    except ValueError as error:
        return Finding("cache", "hint", str(error), f"set {caches.SIZE} to a number, or not at all")
    summary = f"graphs made before take {taken / 1e9:.3g} GB of at most {most / 1e9:.3g} GB in {place}"
    return Finding("cache", "ok", f"{summary} ({caches.PLACE}, {caches.SIZE}); it can be deleted at any time")
