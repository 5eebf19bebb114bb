"""Reads the features and labels that stand in files beside an edge list."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from rsc_bench.suites.graphs.formats.limits import MOST_BYTES, check_size, check_text, cut, readable
from rsc_bench.suites.graphs.graph import GraphError
from rsc_bench.suites.graphs.parts import check_dense_bytes, check_values

if TYPE_CHECKING:
    from pathlib import Path

    import torch
    from numpy.typing import NDArray

IDS = ("new_id", "id", "node_id", "nodeid", "node", "index", "unnamed:_0", "")
"""Headers of a column of node ids; the first that is there counts. MUSAE's Twitch files number the nodes by ``new_id``."""
_MOST_DIGITS = 18


@dataclass(frozen=True, eq=False)
class Features:
    """What is known of the features before they are made."""

    make: Callable[[], torch.Tensor] | None
    """Makes (nodes, features), float32; None without features."""
    rows: int | None
    """Nodes that have features."""
    count: int | None
    """Features a node."""


@dataclass(frozen=True)
class _Table:
    path: Path
    header: list[str]
    rows: list[list[str]]
    """As many cells each as the header has."""
    lines: list[int]
    """Line of the file in which each row ends."""

    def id_columns(self) -> list[int]:
        """Return the columns whose header says that they hold ids, that of the nodes first."""
        names = [name.lower().replace(" ", "_") for name in self.header]
        return [names.index(known) for known in IDS if known in names]

    def ids(self, column: int) -> NDArray[np.int64]:
        """Return the ids of the rows; they must be 0 to their number - 1, each once, in any order."""
        count = len(self.rows)
        for line, row in zip(self.lines, self.rows, strict=True):
            cell = row[column].strip()
            if not _is_number(cell) or int(cell) >= count:
                rule = f"an id must be an integer in [0, {count:,})"
                raise GraphError(f"{self.path}: line {line}: {rule} (got {cut(row[column])}): correct it")
        ids = np.array([int(row[column]) for row in self.rows], dtype=np.int64)
        if (found := np.unique(ids).size) != count:
            raise GraphError(f"{self.path}: every id must be given once (got {found:,} ids in {count:,} rows): remove the repeats")
        return ids


def read_labels(path: Path, column: str | None) -> NDArray[np.int64]:
    """Return (rows,) the class of each node in a file ``id, ..., label``, -1 where the cell is empty, NaN or a negative number.

    The nodes are numbered by the column that `IDS` name, or by the first. The label is `column`, or the last that numbers nothing.
    """
    table = _table(path)
    ids_in = [*table.id_columns(), 0][0]
    if _is_number(table.header[ids_in]):
        raise GraphError(f"{path}: line 1 must be a header, id, ..., label (got {cut(','.join(table.header))}): put one in front")
    place = _label_column(table, column)
    values = [_label(row[place].strip()) for row in table.rows]
    # Not an array of texts: each would take the room of the longest.
    known = {value for value in values if value is not None}
    in_order = sorted(known, key=str if any(isinstance(value, str) for value in known) else None)
    numbers = {value: number for number, value in enumerate(in_order)}
    labels = np.empty(len(values), dtype=np.int64)
    labels[table.ids(ids_in)] = [-1 if value is None else numbers[value] for value in values]
    return labels


def _label(cell: str) -> int | float | str | None:
    """What a cell says: a number, so that 1 and 1.0 are one class, or a text; None where it is empty, NaN or below 0."""
    if not cell:
        return None
    try:
        value = int(cell) if _is_number(cell) else float(cell) if "_" not in cell else cell
    except ValueError:
        return cell
    return value if isinstance(value, str) or value >= 0 else None  # NaN is not


def _label_column(table: _Table, column: str | None) -> int:
    if column is not None and column not in table.header:
        known = ", ".join(table.header)
        raise GraphError(f"{table.path}: no column is named {cut(column)}: behind # write one of {cut(known)[1:-1]}")
    if column is not None:
        return table.header.index(column)
    ids = table.id_columns() or [0]
    labels = [place for place in range(len(table.header)) if place not in ids]
    if not labels:
        raise GraphError(f"{table.path}: must have a column of labels beside the ids (got {cut(','.join(table.header))}): add it")
    return labels[-1]


def read_features(stem: Path, nodes: int) -> Features | None:
    """Return the features in the file of that name, ``.json`` or ``.csv``; None where there is none."""
    as_json, as_csv = stem.with_name(f"{stem.name}.json"), stem.with_name(f"{stem.name}.csv")
    if as_json.is_file():
        return _binary(as_json, nodes)
    return _dense(as_csv, nodes) if as_csv.is_file() else None


def _binary(path: Path, nodes: int) -> Features:
    """``{"node": [feature, ...]}``: the features that a node has; a node that is not listed has none."""
    with readable(path, "JSON"):
        # Pairs, because a dict would keep only the last of two lists for one node; a tuple, to tell them from a list.
        listed: Any = json.loads(_text(path), object_pairs_hook=tuple)
        _check_lists(listed)
        owner = np.array([int(node) for node, _ in listed], dtype=np.int64)
        counts = np.array([len(having) for _, having in listed], dtype=np.int64)
        feature = np.array([index for _, having in listed for index in having], dtype=np.int64)
    if np.unique(owner).size != owner.size:
        raise GraphError(f"{path}: each node must be listed once (got {owner.size:,} lists): put the features of a node together")
    for what, index, limit in (("node ids", owner, nodes), ("feature indices", feature, MOST_BYTES // (4 * max(nodes, 1)))):
        if index.size and (int(index.min()) < 0 or int(index.max()) >= limit):
            raise GraphError(
                f"{path}: {what} must lie in [0, {limit:,}) (got {int(index.min())} to {int(index.max())}): correct them"
            )
    count = int(feature.max(initial=-1)) + 1
    _check_count(path, count)
    check_dense_bytes(path, nodes, count, feature.size)
    return Features(partial(_ones, nodes, np.repeat(owner, counts), feature), nodes, count)


def _check_lists(listed: Any) -> None:
    if not isinstance(listed, tuple):
        raise ValueError('it must be {"node": [feature, ...], ...}')
    for node, having in listed:
        if not _is_number(node) or not isinstance(having, list) or not all(type(index) is int for index in having):
            raise ValueError(f"node {cut(node)} must be a number with a list of integers")


def _ones(nodes: int, node: NDArray[np.int64], feature: NDArray[np.int64]) -> torch.Tensor:
    import torch

    features = torch.zeros(nodes, int(feature.max(initial=-1)) + 1)
    features[torch.from_numpy(node), torch.from_numpy(feature)] = 1
    return features


def _dense(path: Path, nodes: int) -> Features:
    """A row a node: with the node's id in the column that `IDS` name, else in the order of the nodes."""
    table = _table(path)
    rows, ids_in = table.rows, next(iter(table.id_columns()), None)
    if ids_in is None and len(rows) == nodes - 1 and all(_is_value(cell) for cell in table.header):
        rows = [table.header, *rows]  # no header: its first line is the row that is missing
    try:
        values = np.array(rows, dtype=np.float64)
    except ValueError as error:
        reason = " ".join(str(error).split())[:200]
        raise GraphError(f"{path}: features must be numbers ({reason}): correct the cell") from error
    if ids_in is not None:
        values = np.delete(values, ids_in, axis=1)[np.argsort(table.ids(ids_in))]
    if not np.isfinite(values).all():
        raise GraphError(f"{path}: features must be finite (got {values[~np.isfinite(values)][0]}): correct the cell")
    check_values(values, path)
    _check_count(path, values.shape[1])
    return Features(partial(_tensor, values.astype(np.float32)), len(rows), values.shape[1])


def _check_count(path: Path, count: int) -> None:
    if not count:
        raise GraphError(f"{path}: must hold at least one feature (got 0): add features, or remove the file")


def _tensor(values: NDArray[np.float32]) -> torch.Tensor:
    import torch

    return torch.from_numpy(values)


def _is_number(cell: str) -> bool:
    """Return whether a cell is a number of nodes or the like, and short enough to be made one."""
    return cell.isascii() and cell.isdecimal() and len(cell) <= _MOST_DIGITS


def _is_value(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _table(path: Path) -> _Table:
    with readable(path, "CSV"):
        reader = csv.reader(io.StringIO(_text(path), newline=""))
        found = [(reader.line_num, row) for row in reader if row]
    if len(found) < 2:
        raise GraphError(f"{path}: must have a header and a row for each node (got {len(found)} lines): complete or remove it")
    header = [cell.strip() for cell in found[0][1]]
    for line, row in found:
        if len(row) != len(header):
            raise GraphError(f"{path}: line {line} must have {len(header)} cells like the header (got {len(row)}): correct it")
    lines, rows = [line for line, _ in found[1:]], [row for _, row in found[1:]]
    return _Table(path, header, rows, lines)


def _text(path: Path) -> str:
    check_size(path)
    check_text(path)
    with path.open(encoding="utf-8-sig", newline="") as file:  # a cell in quotation marks may have lines of its own
        return file.read()
