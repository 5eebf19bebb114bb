"""Turns values into what a reader is shown: in the unit in which they are short, the same one for values that stand together."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from rsc_bench.text import NEVER

SCALES = (
    {"s": 1.0, "ms": 1e-3, "µs": 1e-6, "ns": 1e-9},
    {"GB": 1e9, "MB": 1e6, "kB": 1e3, "B": 1.0},
)
"""Units that measure one thing, the largest first, each with how much it is of the one that is 1."""
DIGITS = 4
"""Digits of a value that count: a change of 1 % is seen in them."""


TOO_LONG = 10_000
"""Of a value that is so large in the unit of one beside it the eye counts digits: it gets a unit of its own."""
FAR = 1000
"""A bound that is so many times off says no more than that."""


def shown(values: Sequence[float | None], unit: str) -> list[str]:
    """Return values as text with their unit, ``1.020 ms``; empty where there is none.

    Args:
        values: numbers that stand side by side, and so get one unit, unless one of them would be too long to read.
        unit: in which they are given; a time or a size gets the one that fits the smallest of them.
    """
    scale = next((scale for scale in SCALES if unit in scale), {unit: 1.0})
    sizes = [abs(value) * scale[unit] for value in values if value and math.isfinite(value)]
    smallest, largest = min(sizes, default=0.0), max(sizes, default=0.0)
    fitting = _fitting(smallest, scale, unit)
    alike = largest < TOO_LONG * scale[fitting]
    units = [fitting if alike or not value else _fitting(abs(value) * scale[unit], scale, unit) for value in values]
    pairs = zip(values, units, strict=True)
    return ["" if value is None else _with_unit(value * (scale[unit] / scale[name]), name) for value, name in pairs]


def _fitting(size: float, scale: Mapping[str, float], unit: str) -> str:
    """The largest unit of which a size has at least one; the smallest where there is none."""
    return next((name for name, one in scale.items() if size >= one), list(scale)[-1]) if size else unit


def _with_unit(value: float, unit: str) -> str:
    return NEVER if value == math.inf else f"{_number(value)} {unit}".rstrip()


def ratio(value: float) -> str:
    """Return a ratio as text: to a thousandth where it is near 1, and otherwise with three digits that count."""
    if value >= FAR:
        return f"{value:,.0f}"
    return f"{value:.3f}" if 0.1 <= value < 10 else f"{value:#.3g}".rstrip(".")


def between(low: float, high: float) -> str:
    """Return the bounds of a ratio as text, a bound that is far from 1 as no more than that."""
    first = f"under {1 / FAR:g}" if low < 1 / FAR else ratio(low)
    return f"{first} to {f'over {FAR:,}' if high > FAR else ratio(high)}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 10 ** (DIGITS - 1) else f"{value:#.{DIGITS}g}"
