"""Edge lists in CSV, with features and labels in files beside them, as the MUSAE graphs are published."""

from __future__ import annotations

import re
import warnings
from typing import TYPE_CHECKING

import numpy as np

from rsc_bench.suites.graphs.formats import Format
from rsc_bench.suites.graphs.formats.beside_csv import Features, read_features, read_labels
from rsc_bench.suites.graphs.formats.limits import CHUNK, check_size, check_text, cut, readable
from rsc_bench.suites.graphs.graph import GraphError
from rsc_bench.suites.graphs.parts import MOST_NODES, Parts

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

_CELL = r'\s*(?:"\s*[+-]?\d{1,19}\s*"|[+-]?\d{1,19})\s*'
_INTEGERS = re.compile(rf"{_CELL}(?:,{_CELL})*", re.ASCII)
_EDGE = re.compile(rf"{_CELL},{_CELL}", re.ASCII)
_NAME = r'\s*"?\s*[^\s\d"+.,-][^",]*"?\s*'
_WEIGHTED = re.compile(rf"(?:{_CELL}|{_NAME}),(?:{_CELL}|{_NAME}),[^,]+")
"""An edge with something behind it, or the header of such a list."""
_SEPARATORS = {";": "the semicolon", "\t": "the tab", " ": "the space"}
_HEADER = re.compile(rf"{_NAME},{_NAME}")
"""Two names: one that begins as a number does is a damaged edge."""


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
    features = read_features(path.with_name(f"{prefix}_features"), nodes) or Features(None, None, None)
    ones = np.ones(edges.shape[0], dtype=np.float32)
    matrix = scipy.sparse.coo_matrix((nodes, nodes), dtype=np.float32)
    # Assigned, not passed in: SciPy would report indices out of range in its own words, and without the path.
    matrix.row, matrix.col, matrix.data = edges[:, 0], edges[:, 1], ones
    return Parts(
        matrix, undirected=True, features=features.make, feature_rows=features.rows, labels=labels, feature_count=features.count
    )


def _edges(path: Path) -> NDArray[np.int64]:
    check_size(path)
    check_text(path)
    skip = _lines_before_the_first_edge(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # no line with data: the error below says so
            warnings.simplefilter("error", DeprecationWarning)  # older NumPy takes 2.5 for 2
            edges = np.loadtxt(path, dtype=np.int64, delimiter=",", quotechar='"', skiprows=skip, ndmin=2, encoding="utf-8-sig")
    except (ValueError, OverflowError, DeprecationWarning) as error:
        raise _bad_line(path, skip, str(error)) from error
    if not edges.size:
        raise GraphError(f"{path}: a graph must have at least one edge (got 0 edges): give a file with edges")
    if edges.shape[1] != 2:
        weights = "remove the others; weights need a .mtx or .npz file (scipy.io.mmwrite, save_npz)"
        raise GraphError(f"{path}: an edge list must have two columns, id_1,id_2 (got {edges.shape[1]}): {weights}")
    if not 0 <= int(edges.min()) <= int(edges.max()) < MOST_NODES:
        span = f"{int(edges.min())} to {int(edges.max())}"
        raise GraphError(f"{path}: node ids must lie in [0, {MOST_NODES:,}) (got {span}): number the nodes from 0")
    return edges


def _lines_before_the_first_edge(path: Path) -> int:
    """Return how many lines to skip; raises where the first line that is no comment is neither a header nor an edge."""
    with readable(path, "CSV"), path.open(encoding="utf-8-sig", newline=None) as file:
        number = 0
        while line := file.readline(CHUNK):
            text = _without_comment(line)
            if text:
                break
            number += 1
    if not line or _INTEGERS.fullmatch(text):
        return number
    if _HEADER.fullmatch(text):
        return number + 1
    rule = "must be a header of two names, or an edge: two integers with a comma between"
    raise GraphError(f"{path}: line {number + 1} {rule} (got {cut(text)}): {_remedy(text)}")


def _remedy(text: str) -> str:
    """Return what to do about a line that is no edge: what is meant is often seen."""
    if _WEIGHTED.fullmatch(text):
        return "an edge list has no weights: leave the third column out, or write a .mtx or .npz file (scipy.io.mmwrite, save_npz)"
    for separator, name in _SEPARATORS.items():
        if separator in text and "," not in text:
            return f"put a comma between the ids in place of {name}"
    return "correct it"


def _without_comment(line: str) -> str:
    return line.partition("#")[0].strip()


def _bad_line(path: Path, skip: int, reason: str) -> GraphError:
    """Find the first line that is not two integers: NumPy counts rows its own way."""
    with path.open(encoding="utf-8-sig", errors="replace", newline=None) as file:
        for number, line in enumerate(file, start=1):
            text = _without_comment(line)
            if number > skip and text and not _EDGE.fullmatch(text):
                return GraphError(f"{path}: line {number} must be two integers, id_1,id_2 (got {cut(text)}): {_remedy(text)}")
    return GraphError(f"{path}: cannot be read as an edge list ({' '.join(reason.split())[:200]}): give two integers a line")


FORMAT = Format(
    name="edge-csv",
    summary="An edge list id_1,id_2 in CSV, with *_features.json or .csv and *_target.csv beside it.",
    suffixes=(".csv",),
    claims=lambda path: True,  # noqa: ARG005
    read=read,
    option="column of the target file that is the label, by name; the last by default",
)
