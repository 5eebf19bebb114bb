"""Groups the rows of a table: which may be drawn against each other, and what each has a number for."""

from __future__ import annotations

import math
from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rsc_bench.harness.records.case import FLOAT32, SAMPLED

if TYPE_CHECKING:
    import pandas as pd


class Columns(dict[str, Sequence[Any]]):
    """The columns of a frame as sequences of Python's own values, each made when it is first asked for."""

    def __init__(self, frame: pd.DataFrame) -> None:
        super().__init__()
        self.frame = frame

    def __missing__(self, name: str) -> Sequence[Any]:
        self[name] = found = _values(self.frame[name])
        return found


class Row(Mapping[str, Any]):
    """A row of the table, one measured case, read from its columns: as dictionaries, 100,000 of them would take a gigabyte."""

    __slots__ = ("_columns", "_own", "_place")

    def __init__(self, columns: Columns, place: int, own: Mapping[str, Any] | None = None) -> None:
        self._columns, self._place, self._own = columns, place, own

    def __getitem__(self, name: str) -> Any:
        if self._own is None or name not in self._own:
            return self._columns[name][self._place]
        return self._own[name]

    def __iter__(self) -> Iterator[str]:
        names = self._columns.frame.columns
        return iter([*names, *(name for name in self._own or () if name not in names)])

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, name: object) -> bool:
        return name in self._columns.frame.columns or name in (self._own or ())

    def __or__(self, more: Mapping[str, Any]) -> Row:
        """Return the row with further columns of its own."""
        return Row(self._columns, self._place, {**(self._own or {}), **more})


def _values(column: pd.Series) -> Sequence[Any]:
    if column.dtype == "category":
        known = [*column.cat.categories, None]
        return [known[code] for code in column.cat.codes]
    if column.dtype == "float64":
        return array("d", column.to_numpy().tobytes())
    return array("q", column.to_numpy().tobytes()) if column.dtype == "int64" else column.tolist()


PRECISION = "precision"
"""Column: what the kernel of a case computes in, ``tf32``; empty where every case computes in its ``dtype``, which says it then."""
MEMORY_SETTING = "memory setting"
"""Column: ``fresh memory``, ``kept memory`` where the process keeps what is freed, or ``GPU memory``, which knows no such setting;
empty where no case of the table has kept memory, for nobody asks then."""
OPERATION = ("file", "graph", "width", "dtype", PRECISION, "device", "clock", "reduce", MEMORY_SETTING)
"""What two cases share when one may be drawn against the other."""


def absent(value: Any) -> bool:
    """Return whether a cell of the table is empty: pandas keeps some as None and some as NaN."""
    return value is None or (isinstance(value, float) and math.isnan(value))


def present(row: Row, *columns: str) -> bool:
    """Return whether a row has a number in every one of `columns`."""
    for column in columns:  # a loop, as there are a million calls
        value = row[column]
        if value is None or (isinstance(value, float) and math.isnan(value)):
            return False
    return True


def is_exact(row: Row) -> bool:
    """Return whether a product multiplies all of its non-zeros; an approximation without a budget does not."""
    return row["suite"] != SAMPLED and not present(row, "budget")


def by(rows: Iterable[Row], columns: Sequence[str]) -> dict[tuple[Any, ...], list[Row]]:
    """Return the rows in groups of equal `columns`, the groups in ascending order."""
    groups: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in rows:
        groups[tuple([row[column] for column in columns])].append(row)
    return dict(sorted(groups.items()))


def operations(rows: Iterable[Row]) -> list[tuple[tuple[Any, ...], list[Row]]]:
    """Return the rows of each operation: of a graph the largest width first, which the headline quotes, and of that float32."""
    width = OPERATION.index("width")

    def place(entry: tuple[tuple[Any, ...], list[Row]]) -> tuple[Any, ...]:
        return (*entry[0][:width], -entry[0][width], *float32_first(entry[1][0]), *entry[0][width + 1 :])

    return sorted(by(rows, OPERATION).items(), key=place)


def float32_first(row: Row) -> tuple[bool, bool]:
    """Return what puts the classes of kernels in the order in which people look for them."""
    return row["dtype"] != FLOAT32, row[PRECISION] not in (None, FLOAT32)
