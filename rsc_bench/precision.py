"""What kernels compute in: formats of numbers, classes of kernels by them, and the error that a right kernel of a class may have.

A sum of n products in floating point differs from the true one by at most ``gamma_n = n u / (1 - n u)`` times the sum of the
products' sizes, u the unit roundoff of the sums (Higham, "Accuracy and Stability of Numerical Algorithms", 2nd edition, SIAM,
2002, section 3.1). Roundings are about as often up as down, so that sqrt(n) stands in the place of n with all but no exception
(Higham and Mary, "A New Approach to Probabilistic Rounding Error Analysis", SIAM Journal on Scientific Computing 41, 2019).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Format:
    """A format of numbers, by what rounding to it costs."""

    roundoff: float
    """Unit roundoff u: a number that is rounded changes by at most this share of itself."""
    smallest: float
    """Half of the smallest number above 0: what a number changes by at most where it is too small for `roundoff` to hold."""


FORMATS = {
    "float64": Format(2.0**-53, 0.0),  # IEEE 754-2019, table 3.5: 53 bits of precision; 2**-1075 is 0 in it
    "float32": Format(2.0**-24, 2.0**-150),  # IEEE 754-2019, table 3.5: 24 bits
    # 10 bits of mantissa, float32's exponents (NVIDIA A100 Tensor Core GPU Architecture, 2020). A tensor core that is given float32
    # leaves the 13 bits behind them unread (NVIDIA, PTX ISA, "Matrix Fragments for mma.m16n8k8"): cut off, not rounded, is 2 u.
    "tf32": Format(2.0**-10, 2.0**-136),
    "bfloat16": Format(2.0**-8, 2.0**-134),  # 7 bits of mantissa (Intel, "BFLOAT16 - Hardware Numerics Definition", 2018)
    "float16": Format(2.0**-11, 2.0**-25),  # IEEE 754-2019, table 3.5 (binary16): 11 bits, and nothing below 2**-24
}
"""By name; the source of each beside it."""

VALUE_ROUNDINGS = 2
"""Of a non-zero's value: one, or where it is a row's factor times a column's one of each."""
CONFIDENCE = 8.0
"""How many sqrt(n) u a sum may be off: past it comes one sum of a million products in 4e7 (2 n exp(-CONFIDENCE**2 / 2))."""
SUM_STEPS = 4
"""Roundings of a sum beside its additions: of a product, of two factors and of a mean's division."""


@dataclass(frozen=True)
class Precision:
    """A class of kernels by what they compute in; speedups are quoted within it, and the error that is allowed is its own.

    What a kernel *stores* is the dtype of its dense operand and its result, which a case has beside it.
    """

    name: str
    """Stands in records and on the page."""
    factors: str
    """What values and dense rows are rounded to before they are multiplied: a name in `FORMATS`."""
    sums: str = "float32"
    """What sums are kept in: a name in `FORMATS`."""

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not re.fullmatch(r"[\w.-]+", self.name):
            raise ValueError(f"a precision's name must be letters, digits, '_', '.' and '-' (got {self.name!r})")
        for field in ("factors", "sums"):
            if getattr(self, field) not in FORMATS:
                rule = f"{field} must be one of {', '.join(FORMATS)} (got {getattr(self, field)!r})"
                raise ValueError(f"precision {self.name!r}: {rule}")

    def tolerance(self, sizes: Sizes, stored: str) -> float:
        """Return the largest relative Frobenius error of a right product.

        Args:
            sizes: of the product.
            stored: what the dense operand and the result are stored in: a name in `FORMATS`.
        """
        sums, reference = FORMATS[self.sums].roundoff, FORMATS["float64"].roundoff
        added = CONFIDENCE * math.sqrt(sizes.longest_row + SUM_STEPS) * (sums + reference)
        small = FORMATS[self.factors].smallest * (_over(sizes.value) + self._narrows(stored) * _over(sizes.dense))
        return self._rounded(stored) + added + small + FORMATS[stored].smallest * _over(sizes.result)

    def bound(self, terms: int, stored: str) -> float:
        """Return how far one sum of so many products may be off at most, as a share of what these add up to without their signs."""
        steps = terms + SUM_STEPS
        return self._rounded(stored) + _gamma(steps, FORMATS[self.sums].roundoff) + _gamma(steps, FORMATS["float64"].roundoff)

    def _rounded(self, stored: str) -> float:
        """What the roundings of a product's factors and of the result add up to."""
        factors = VALUE_ROUNDINGS + self._narrows(stored)
        return factors * FORMATS[self.factors].roundoff + FORMATS[stored].roundoff

    def _narrows(self, stored: str) -> bool:
        """Whether the dense operand is rounded, too: it is stored in more than is multiplied."""
        return FORMATS[self.factors].roundoff > FORMATS[stored].roundoff


@dataclass(frozen=True)
class Sizes:
    """What the error of a product depends on beside its class."""

    longest_row: int
    """Non-zeros of the longest row."""
    value: float
    """Root mean square of the values."""
    dense: float
    """Root mean square of the dense operand."""
    result: float
    """Root mean square of the result."""


PRECISIONS = {
    each.name: each
    for each in (
        Precision("float64", "float64", "float64"),
        Precision("float32", "float32"),
        Precision("tf32", "tf32"),
        Precision("bfloat16", "bfloat16"),
        Precision("float16", "float16"),
        Precision("mixed", "bfloat16"),  # factors in more than one of these formats: held to the coarsest
    )
}
"""The classes that have a name. Sums are float32 (float64 in float64), as a tensor core's are; a kernel that sums in less has a
`Precision` of its own."""


def named(name: str) -> Precision:
    """Return a class by its name; raises ``ValueError`` with all of them."""
    if name not in PRECISIONS:
        known = ", ".join(PRECISIONS)
        raise ValueError(f"must be one of {known}, or a Precision (got {name!r}): Precision(name, factors, sums) is any other")
    return PRECISIONS[name]


def _gamma(count: int, roundoff: float) -> float:
    """Higham's gamma; infinite where so many roundings leave nothing."""
    return count * roundoff / (1 - count * roundoff) if count * roundoff < 1 else math.inf


def _over(size: float) -> float:
    """One over a size; 0 of one that is 0, which no format rounds."""
    return 1 / size if size else 0.0
