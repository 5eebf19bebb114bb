"""Splits the cores that this process may use into groups for workers beside each other, none of which share a physical core."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

SYSTEM = Path("/sys/devices/system/cpu")
"""Where Linux describes the cores, each in a folder."""

Siblings = Mapping[int, Collection[int]]
"""Of each logical core those that are threads of the same physical one, itself among them."""


def groups(cores_each: int | None, system: Path = SYSTEM) -> list[tuple[int, ...]]:
    """Return the logical cores of each worker that finds place beside the others, as `os.sched_setaffinity` takes them.

    A group has so many *physical* cores, with all of their hyper-threads that this process may use; no physical core is in two
    groups, and cores that are left over are in none. Where the system does not say what belongs together, each logical core counts
    as a physical one.

    Args:
        cores_each: physical cores of a group; None: all of them, in one group.
        system: where the system describes its cores.

    Returns:
        The groups, by their lowest cores; none where there are fewer physical cores than one group has.

    Raises:
        ValueError: for less than one core.
    """
    return split(usable(), siblings(usable(), system), cores_each)


def can_pin() -> bool:
    """Return whether this system lets a process choose its cores; macOS and Windows do not by `os`."""
    return hasattr(os, "sched_setaffinity")


def usable() -> tuple[int, ...]:
    """Return the logical cores that this process may run on, in order."""
    return tuple(sorted(os.sched_getaffinity(0))) if hasattr(os, "sched_getaffinity") else tuple(range(os.cpu_count() or 1))


def siblings(cores: Iterable[int], system: Path = SYSTEM) -> dict[int, tuple[int, ...]]:
    """Return what the system says about which threads belong together; a core of which it says nothing is left out."""
    found = {}
    for core in cores:
        with contextlib.suppress(OSError, ValueError):
            found[core] = _listed((system / f"cpu{core}/topology/thread_siblings_list").read_text(encoding="ascii"))
    return found


def split(usable: Iterable[int], siblings: Siblings, cores_each: int | None) -> list[tuple[int, ...]]:
    """Return what `groups` does, of these logical cores."""
    if cores_each is not None and cores_each < 1:
        raise ValueError(f"a worker must have at least 1 core (got {cores_each})")
    cores = physical(usable, siblings)
    each = len(cores) if cores_each is None else cores_each
    firsts = range(0, len(cores) - each + 1, each) if cores else ()
    return [tuple(sorted(thread for core in cores[first : first + each] for thread in core)) for first in firsts]


def physical(usable: Iterable[int], siblings: Siblings) -> list[tuple[int, ...]]:
    """Return the physical cores, each as its logical ones that are usable, by the lowest of these."""
    cores: list[set[int]] = []
    allowed = set(usable)
    for core in sorted(allowed):
        threads = {core, *siblings.get(core, ())}
        # More than one only where the system contradicts itself, as some hypervisors make it: then all are one.
        touched = [other for other in cores if other & threads]
        cores = [other for other in cores if other not in touched] + [threads.union(*touched)]
    return sorted(tuple(sorted(core & allowed)) for core in cores)


def _listed(text: str) -> tuple[int, ...]:
    """Numbers of a list as Linux writes it: ``0,4`` or ``0-1``; raises ``ValueError`` for anything else."""
    spans = [part.partition("-") for part in text.strip().split(",")]
    return tuple(core for first, _, last in spans for core in range(int(first), int(last or first) + 1))
