"""Turns an environment, as a results file begins with one, into fields with dotted names, and two into what differs."""

from __future__ import annotations

from typing import Any


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
