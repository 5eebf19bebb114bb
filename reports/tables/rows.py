"""Groups the rows of a table: which may be drawn against each other, and what each has a number for."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

Row = dict[str, Any]
"""A row of the table: one measured case."""

OPERATION = ("file", "graph", "width", "dtype", "device", "clock", "reduce")
"""What two cases share when one may be drawn against the other."""


def absent(value: Any) -> bool:
    """Return whether a cell of the table is empty: pandas keeps some as None and some as NaN."""
    return value is None or (isinstance(value, float) and math.isnan(value))


def present(row: Row, *columns: str) -> bool:
    """Return whether a row has a number in every one of `columns`."""
    return not any(absent(row[column]) for column in columns)


def by(rows: Iterable[Row], columns: Sequence[str]) -> dict[tuple[Any, ...], list[Row]]:
    """Return the rows in groups of equal `columns`, the groups in ascending order."""
    groups: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in rows:
        groups[tuple(row[column] for column in columns)].append(row)
    return dict(sorted(groups.items()))


def operations(rows: Iterable[Row]) -> list[tuple[tuple[Any, ...], list[Row]]]:
    """Return the rows of each operation, the largest width of a graph first: it is the one the headline quotes."""
    width = OPERATION.index("width")
    return sorted(by(rows, OPERATION).items(), key=lambda entry: (*entry[0][:width], -entry[0][width], *entry[0][width + 1 :]))
