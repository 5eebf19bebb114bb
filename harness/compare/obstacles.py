"""Turns two environments into what stands in the way of comparing their numbers, field by field."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from rsc_bench.harness.compare.reasons import Differs, Obstacle
from rsc_bench.harness.records.case import FRESH, Case

ACROSS: tuple[Obstacle, ...] = ("machines", "versions", "graphs", "clocks")
"""What a user may ask to compare across."""

CPU_FIELDS = ("cpu.model", "cpu.logical_cores", "cpu.usable_cores", "cpu.quota_cores")
VERSION_FIELDS = ("python", "torch_build")

Differences = Mapping[str, tuple[Any, Any]]


def find_obstacles(differ: Differences, on_gpu: bool) -> dict[Obstacle, tuple[str, ...]]:
    """Return the fields that make two machines, and two sets of versions, of the fields that differ.

    GPUs and their driver count where a case ran on one. The commit is what is compared, and everything else is shown, but
    keeps nothing from being judged.
    """
    found: dict[Obstacle, tuple[str, ...]] = {
        "machines": tuple(name for name in differ if _is_machine(name, on_gpu)),
        "versions": tuple(name for name in differ if _is_version(name, on_gpu)),
    }
    return {obstacle: names for obstacle, names in found.items() if names}


def differs(obstacles: Mapping[Obstacle, tuple[str, ...]], across: Collection[str]) -> Differs | None:
    """Return the reason that keeps numbers from being compared, beyond what is judged `across`; None where nothing does."""
    found = tuple((obstacle, fields) for obstacle, fields in obstacles.items() if obstacle not in across)
    return Differs(found) if found else None


def check_across(across: Iterable[str]) -> None:
    """Raise ValueError for something that cannot be compared across."""
    for name in across:
        if name not in ACROSS:
            raise ValueError(f"across must be one of {', '.join(ACROSS)} (got {name!r})")


@dataclass(frozen=True)
class Apart:
    """A field of the cases of two runs, in which no case of base is like one of new."""

    field: str
    """Its name in `Case`; ``memory``, by the values of that option, in place of ``freed_memory``."""
    base: tuple[Any, ...]
    """The values in base, each once."""
    new: tuple[Any, ...]


def apart(base: Iterable[Case], new: Iterable[Case]) -> tuple[Apart, ...]:
    """Return the fields in which two runs have no value in common; none where either has no case, or only combinations differ."""
    sides = list(base), list(new)
    found = []
    # Nobody asks for contents: where they are all that differs, cases are set side by side.
    for name in (name for name in Case.__struct_fields__ if name != "graph_digest"):
        values = [tuple(dict.fromkeys(getattr(case, name) for case in side)) for side in sides]
        if all(values) and not set(values[0]) & set(values[1]):
            found.append(Apart(name, values[0], values[1]))
    on_one_device = all(each.field != "device" for each in found)
    return tuple(_by_option(each) if each.field == "freed_memory" and on_one_device else each for each in found)


def _by_option(apart: Apart) -> Apart:
    """The memory of results as ``--memory`` names it: fresh where the case says nothing."""
    base, new = (tuple(value or FRESH for value in values) for values in (apart.base, apart.new))
    return Apart("memory", base, new)


def _is_machine(name: str, on_gpu: bool) -> bool:
    return name in CPU_FIELDS or name.startswith("threads.") or (on_gpu and _of_gpu(name, "name"))


def _is_version(name: str, on_gpu: bool) -> bool:
    return name in VERSION_FIELDS or name.startswith("versions.") or (on_gpu and _of_gpu(name, "driver"))


def _of_gpu(name: str, field: str) -> bool:
    return name.startswith("gpus.") and name.endswith(f".{field}")
