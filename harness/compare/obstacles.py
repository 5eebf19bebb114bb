"""Turns two environments into what stands in the way of comparing their numbers, field by field."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rsc_bench.harness.compare.reasons import Differs, What

ACROSS: tuple[What, ...] = ("machines", "versions", "graphs", "clocks")
"""What a user may ask to compare across."""

CPU_FIELDS = ("cpu.model", "cpu.logical_cores", "cpu.usable_cores", "cpu.quota_cores")
VERSION_FIELDS = ("python", "torch_build")

Differences = Mapping[str, tuple[Any, Any]]


def obstacles(differ: Differences, on_gpu: bool) -> dict[What, tuple[str, ...]]:
    """Return the fields that make two machines, and two sets of versions, of the fields that differ.

    GPUs and their driver count where a case ran on one. The commit is what is compared, and everything else is told, but
    stands in nobody's way.
    """
    found: dict[What, tuple[str, ...]] = {
        "machines": tuple(name for name in differ if _is_machine(name, on_gpu)),
        "versions": tuple(name for name in differ if _is_version(name, on_gpu)),
    }
    return {what: names for what, names in found.items() if names}


def differs(obstacles: Mapping[What, tuple[str, ...]]) -> Differs | None:
    """Return the reason that keeps numbers from being compared, field by field; None where nothing does."""
    return Differs(tuple(obstacles.items())) if obstacles else None


def check(across: Iterable[str]) -> None:
    """Raise ValueError for something that cannot be compared across."""
    for what in across:
        if what not in ACROSS:
            raise ValueError(f"across must be one of {', '.join(ACROSS)} (got {what!r})")


def _is_machine(name: str, on_gpu: bool) -> bool:
    return name in CPU_FIELDS or name.startswith("threads.") or (on_gpu and _of_gpu(name, "name"))


def _is_version(name: str, on_gpu: bool) -> bool:
    return name in VERSION_FIELDS or name.startswith("versions.") or (on_gpu and _of_gpu(name, "driver"))


def _of_gpu(name: str, field: str) -> bool:
    return name.startswith("gpus.") and name.endswith(f".{field}")
