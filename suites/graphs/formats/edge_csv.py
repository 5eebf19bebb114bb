"""Edge lists in CSV, with features and labels in files beside them, as the MUSAE graphs are published."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import numpy as np

from rsc_bench.suites.graphs.formats import Format
from rsc_bench.suites.graphs.formats.beside_csv import read_features, read_labels
from rsc_bench.suites.graphs.formats.limits import check_size
from rsc_bench.suites.graphs.graph import GraphError
from rsc_bench.suites.graphs.parts import MOST_NODES, Parts

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


def read(path: Path, option: str | None = None) -> Parts:
    """Return the graph of an edge list ``id_1,id_2``, with a header or without, each edge listed once or both ways.

    Beside ``x_edges.csv`` (or ``x.csv``) are looked for ``x_features.json`` or ``x_features.csv``, and ``x_target.csv``. The nodes
    are those of the targets where there are any, else the ids up to the largest.
    """
    import scipy.sparse

    edges = _edges(path)
    prefix = path.stem.removesuffix("_edges")
    target = path.with_name(f"{prefix}_target.csv")
    labels = read_labels(target, option) if target.is_file() else None
    nodes = int(edges.max(initial=-1)) + 1 if labels is None else labels.size
    features, feature_rows = read_features(path.with_name(f"{prefix}_features"), nodes)
    ones = np.ones(edges.shape[0], dtype=np.float32)
    matrix = scipy.sparse.coo_matrix((nodes, nodes), dtype=np.float32)
    # Assigned, not passed in: SciPy would report indices out of range in its own words, and without the path.
    matrix.row, matrix.col, matrix.data = edges[:, 0], edges[:, 1], ones
    return Parts(matrix, undirected=True, features=features, feature_rows=feature_rows, labels=labels)


def _edges(path: Path) -> NDArray[np.int64]:
    check_size(path)
    with path.open("rb") as file:
        header = file.readline()
    skip = 0 if _integers(header) else 1
    if (skip == 0 and not header.strip()) or path.stat().st_size <= skip * len(header):
        raise GraphError(f"{path}: a graph must have at least one edge (got 0 edges): give a file with edges")
    try:
        edges = np.loadtxt(path, dtype=np.int64, delimiter=",", skiprows=skip, ndmin=2, encoding="utf-8")
    except (ValueError, OverflowError) as error:
        raise _bad_line(path, skip, str(error)) from error
    if edges.shape[1] != 2:
        raise GraphError(f"{path}: an edge list must have two columns, id_1,id_2 (got {edges.shape[1]}): remove the others")
    if edges.size and not 0 <= int(edges.min()) <= int(edges.max()) < MOST_NODES:
        span = f"{int(edges.min())} to {int(edges.max())}"
        raise GraphError(f"{path}: node ids must lie in [0, {MOST_NODES:,}) (got {span}): number the nodes from 0")
    return edges


def _integers(line: bytes) -> bool:
    try:
        return all(int(cell) is not None for cell in line.decode().split(","))
    except ValueError:
        return False


def _bad_line(path: Path, skip: int, reason: str) -> GraphError:
    """Find the first line that is not two integers: NumPy counts rows its own way."""
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        for number, cells in enumerate(csv.reader(file), start=1):
            if number > skip and cells and (len(cells) != 2 or not _integers(",".join(cells).encode())):
                return GraphError(
                    f"{path}: line {number} must be two integers, id_1,id_2 (got {','.join(cells)[:60]!r}): correct it"
                )
    return GraphError(f"{path}: cannot be read as an edge list ({reason}): give two integers a line")


FORMAT = Format(
    name="edge-csv",
    summary="An edge list id_1,id_2 in CSV, with *_features.json or .csv and *_target.csv beside it.",
    suffixes=(".csv",),
    claims=lambda path: True,  # noqa: ARG005
    read=read,
    option="column of the target file that is the label, by name; the last by default",
)
