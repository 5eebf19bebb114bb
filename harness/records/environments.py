"""Turns an environment, as a results file begins with one, into fields with dotted names, and two into what differs."""

from __future__ import annotations

from typing import Any

from rsc_bench.harness.records.ranges import MANY_LETTERS

MOST_FIELDS, DEEPEST = 100_000, 100
"""Fields and levels that an environment may have; ours has fifty in four."""


def check(environment: dict[str, Any]) -> dict[str, Any]:
    """Return an environment that can be worked with; raises ``ValueError`` for one that nests deeper, or is larger, than any is."""
    waiting: list[tuple[int, Any]] = [(1, environment)]
    count = 0
    while waiting:
        depth, branch = waiting.pop()
        count += 1
        below: list[Any] = [*branch, *branch.values()] if isinstance(branch, dict) else branch if isinstance(branch, list) else []
        if depth > DEEPEST or count > MOST_FIELDS:
            raise ValueError(f"an environment has at most {DEEPEST} levels and {MOST_FIELDS:,} fields")
        if isinstance(branch, str) and len(branch) > MANY_LETTERS:
            raise ValueError(f"a text of an environment has at most {MANY_LETTERS:,} letters (got {len(branch):,})")
        waiting += [(depth + 1, each) for each in below]
    return environment


def differences(one: dict[str, Any], other: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Return the fields in which two environments differ, dotted (``cpu.model``), each with both values."""
    left, right = flat(one), flat(other)
    return {name: (left.get(name), right.get(name)) for name in {**left, **right} if left.get(name) != right.get(name)}


def flat(tree: Any) -> dict[str, Any]:
    """Return the leaves of nested dictionaries and lists under dotted names: ``gpus.0.name``."""
    leaves: dict[str, Any] = {}
    waiting: list[tuple[str, Any]] = [("", tree)]
    # A stack of its own: a file may nest deeper than Python recurses.
    while waiting:
        name, branch = waiting.pop()
        if isinstance(branch, dict | list) and branch:
            entries = branch.items() if isinstance(branch, dict) else enumerate(branch)
            waiting += [(f"{name}.{key}" if name else str(key), below) for key, below in reversed(list(entries))]
        elif name:
            leaves[name] = branch
    return leaves
