"""Turns values into what a reader is shown: in the unit in which they are short, the same one for values that stand together."""

from __future__ import annotations

from collections.abc import Sequence

SCALES = (
    {"s": 1.0, "ms": 1e-3, "µs": 1e-6, "ns": 1e-9},
    {"GB": 1e9, "MB": 1e6, "kB": 1e3, "B": 1.0},
)
"""Units that measure one thing, the largest first, each with how much it is of the one that is 1."""
DIGITS = 4
"""Digits of a value that count: a change of 1 % is seen in them."""


def shown(values: Sequence[float | None], unit: str) -> list[str]:
    """Return values as text with their unit, ``1.020 ms``; empty where there is none.

    Args:
        values: numbers that stand side by side, and so get one unit.
        unit: in which they are given; a time or a size gets the one that fits the smallest of them.
    """
    scale = next((scale for scale in SCALES if unit in scale), {unit: 1.0})
    smallest = min((abs(value) for value in values if value), default=0.0) * scale[unit]
    fitting = next((name for name, size in scale.items() if smallest >= size), unit if not smallest else list(scale)[-1])
    factor = scale[unit] / scale[fitting]
    return ["" if value is None else f"{_number(factor * value)} {fitting}".rstrip() for value in values]


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 10 ** (DIGITS - 1) else f"{value:#.{DIGITS}g}"
