"""Reads the features and labels that stand in files beside an edge list."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from rsc_bench.suites.graphs.formats.limits import MOST_BYTES, check_size, readable
from rsc_bench.suites.graphs.graph import GraphError
from rsc_bench.suites.graphs.parts import class_numbers

if TYPE_CHECKING:
    from pathlib import Path

    import torch
    from numpy.typing import NDArray

Features = tuple[Callable[[], "torch.Tensor"] | None, int | None]


def read_labels(path: Path, column: str | None) -> NDArray[np.int64]:
    """Return (rows,) the class of each node in a file ``id, ..., label``, -1 where the cell is empty."""
    header, rows = _table(path)
    if column is not None and column not in header:
        raise GraphError(f"{path}: no column is named {column!r}: behind # write one of {', '.join(header)}")
    place = len(header) - 1 if column is None else header.index(column)
    ids = _ids(path, [row[0] for row in rows], len(rows))
    values = np.array([row[place].strip() for row in rows], dtype=str)
    labels = np.empty(len(rows), dtype=np.int64)
    labels[ids] = class_numbers(values, missing="")
    return labels


def read_features(stem: Path, nodes: int) -> Features:
    """Return what makes (nodes, features), and for how many nodes features are given; None, None where no file is there."""
    as_json, as_csv = stem.with_name(f"{stem.name}.json"), stem.with_name(f"{stem.name}.csv")
    if as_json.is_file():
        return _binary(as_json, nodes)
    return _dense(as_csv) if as_csv.is_file() else (None, None)


def _binary(path: Path, nodes: int) -> Features:
    """``{"node": [feature, ...]}``: the features that a node has; a node that is not listed has none."""
    with readable(path, "JSON"):
        listed: dict[str, list[int]] = json.loads(_text(path))
        owner = np.array([int(node) for node in listed], dtype=np.int64)
        counts = np.array([len(having) for having in listed.values()], dtype=np.int64)
        feature = np.array([index for having in listed.values() for index in having], dtype=np.int64)
    for what, index, limit in (("node ids", owner, nodes), ("feature indices", feature, MOST_BYTES // (4 * max(nodes, 1)))):
        if index.size and (int(index.min()) < 0 or int(index.max()) >= limit):
            raise GraphError(
                f"{path}: {what} must lie in [0, {limit:,}) (got {int(index.min())} to {int(index.max())}): correct them"
            )
    return partial(_ones, nodes, np.repeat(owner, counts), feature), nodes


def _ones(nodes: int, node: NDArray[np.int64], feature: NDArray[np.int64]) -> torch.Tensor:
    import torch

    features = torch.zeros(nodes, int(feature.max(initial=-1)) + 1)
    features[torch.from_numpy(node), torch.from_numpy(feature)] = 1
    return features


def _dense(path: Path) -> Features:
    """A row a node: ``id, value, ...`` where the first column is headed id or node_id, else values only."""
    header, rows = _table(path)
    named = header[0].lower() in ("id", "node_id")
    try:
        values = np.array(rows, dtype=np.float64)
    except ValueError as error:
        raise GraphError(f"{path}: features must be numbers ({error}): correct the cell") from error
    if not np.isfinite(values).all():
        raise GraphError(f"{path}: features must be finite (got {values[~np.isfinite(values)][0]}): correct the cell")
    if named:
        order = _ids(path, [row[0] for row in rows], len(rows))
        values = values[np.argsort(order), 1:]
    return partial(_tensor, values.astype(np.float32)), len(rows)


def _tensor(values: NDArray[np.float32]) -> torch.Tensor:
    import torch

    return torch.from_numpy(values)


def _ids(path: Path, cells: list[str], count: int) -> NDArray[Any]:
    """Return the ids of the rows; they must be 0 to count - 1, each once, in any order."""
    for number, cell in enumerate(cells, start=2):
        if not cell.strip().isdecimal() or int(cell) >= count:
            raise GraphError(f"{path}: line {number}: an id must be an integer in [0, {count:,}) (got {cell[:60]!r}): correct it")
    ids = np.array(cells, dtype=np.int64)
    if np.unique(ids).size != count:
        raise GraphError(
            f"{path}: every id must be given once (got {np.unique(ids).size:,} ids in {count:,} rows): remove the repeats"
        )
    return ids


def _table(path: Path) -> tuple[list[str], list[list[str]]]:
    """Return the header and the rows, which all have as many cells as the header."""
    with readable(path, "CSV"):
        lines = [row for row in csv.reader(_text(path).splitlines()) if row]
    if len(lines) < 2:
        raise GraphError(f"{path}: must have a header and a row for each node (got {len(lines)} lines): complete or remove it")
    for number, row in enumerate(lines, start=1):
        if len(row) != len(lines[0]):
            raise GraphError(f"{path}: row {number} must have {len(lines[0])} cells like the header (got {len(row)}): correct it")
    return lines[0], lines[1:]


def _text(path: Path) -> str:
    check_size(path)
    return path.read_text(encoding="utf-8")
