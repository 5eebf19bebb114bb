"""Whether workers that measure beside each other can each have cores of their own, and what they would share where they cannot."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rsc_bench.harness.machine import cores
from rsc_bench.harness.machine.cores import Siblings
from rsc_bench.harness.machine.findings import Finding

NAME = "worker cores"
_NAMED = 4
"""Cores that are named."""


def pinning(quota_cores: float | None) -> Finding:
    """Return whether workers can have cores of their own on this machine, given how many cores' time the control group grants."""
    usable = cores.usable()
    return of(usable, cores.siblings(usable), quota_cores, cores.can_pin())


def of(usable: Sequence[int], siblings: Siblings, quota_cores: float | None, can_pin: bool) -> Finding:
    """Return whether workers can have cores of their own.

    Args:
        usable: logical cores that this process may use.
        siblings: which of them are threads of one physical core, with those that it may not use.
        quota_cores: cores' worth of time that the control group grants; None: no limit.
        can_pin: whether the system lets a process choose its cores.
    """
    if not can_pin:
        summary = "this system does not let a process choose its cores: workers beside each other take them from each other"
        return Finding(NAME, "hint", summary, "measure with one worker at a time here, or on Linux")
    troubles = list(_troubles(usable, siblings, quota_cores))
    if troubles:
        return Finding(NAME, "hint", "; ".join(said for said, _ in troubles), "; ".join(remedy for _, remedy in troubles))
    return Finding(NAME, "ok", f"workers can have cores of their own: {_count(len(cores.physical(usable, siblings)))}")


def _troubles(usable: Sequence[int], siblings: Siblings, quota_cores: float | None) -> Iterator[tuple[str, str]]:
    """What is wrong, each with what to do about it."""
    physical = cores.physical(usable, siblings)
    if quota_cores is not None and quota_cores < len(usable):
        said = f"the time of {quota_cores:g} cores is shared by all workers on {len(usable)} usable ones: no core is a worker's own"
        yield said, "ask for whole cores instead of time (docker: --cpuset-cpus in the place of --cpus)"
    if len(physical) < len(usable):
        pair = next(core for core in physical if len(core) > 1)
        said = f"{len(usable)} logical cores are threads of {_count(len(physical))}: two workers on one slow each other down"
        yield said, f"give a worker all threads of a core ({_named(pair)} here), for at most {len(physical)} workers"
    if foreign := sorted({thread for core in usable for thread in siblings.get(core, ())} - set(usable)):
        said = f"{_named(foreign)} may not be used here, but on the same physical cores others may be at work"
        yield said, "ask for whole physical cores (SLURM: --hint=nomultithread or --exclusive)"


def _count(physical: int) -> str:
    return f"{physical} physical core{'s' * (physical != 1)}"


def _named(threads: Sequence[int]) -> str:
    return f"core{'s' * (len(threads) != 1)} {', '.join(map(str, threads[:_NAMED]))}{' ...' * (len(threads) > _NAMED)}"
