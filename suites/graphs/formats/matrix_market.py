"""Matrix Market coordinate files, plain or gzipped.

Read with NumPy: SciPy's fast reader crashes the process on some damaged files, where one line is owed.
"""

from __future__ import annotations

import warnings
from typing import IO, TYPE_CHECKING

import numpy as np

from rsc_bench.suites.graphs.formats import Format
from rsc_bench.suites.graphs.formats.limits import readable, unpacked
from rsc_bench.suites.graphs.graph import GraphError
from rsc_bench.suites.graphs.parts import Parts, check_shape

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

_SIGN = {"general": 0, "symmetric": 1, "skew-symmetric": -1}
"""What the value of an entry is multiplied by on the other side of the diagonal (math.nist.gov/MatrixMarket/formats.html)."""


def read(path: Path, option: str | None = None) -> Parts:  # noqa: ARG001
    """Return the matrix; ``symmetric`` files come out with both directions, ``pattern`` files without weights."""
    import scipy.sparse

    with unpacked(path) as plain, plain.open("rb") as file, readable(path, "Matrix Market"):
        field, sign = _header(file.readline(), path)
        rows, columns, entries = _sizes(file)
        check_shape((rows, columns), path)
        table = _table(file, entries, 2 if field == "pattern" else 3)
    place = _places(table, rows, path)
    value = np.ones(entries) if field == "pattern" else table[:, 2]
    if sign:
        off = place[0] != place[1]
        place = np.concatenate([place, place[::-1, off]], axis=1)
        value = np.concatenate([value, sign * value[off]])
    return Parts(scipy.sparse.coo_matrix((value, (place[0], place[1])), shape=(rows, columns)))


def _header(line: bytes, path: Path) -> tuple[str, int]:
    """Return the field and the sign of the other direction, 0 where there is none."""
    words = line.decode("ascii").lower().split()
    if len(words) != 5 or words[:2] != ["%%matrixmarket", "matrix"]:
        raise ValueError("line 1 must be '%%MatrixMarket matrix coordinate ...'")
    layout, field, symmetry = words[2:]
    if layout != "coordinate":
        raise GraphError(f"{path}: a Matrix Market graph must be sparse, 'coordinate' (got {layout!r}): write it as coordinates")
    if field not in ("real", "integer", "double", "pattern") or symmetry not in _SIGN:
        raise GraphError(
            f"{path}: must be real, integer or pattern and general or symmetric (got {field!r}, {symmetry!r}): convert it"
        )
    return field, _SIGN[symmetry]


def _sizes(file: IO[bytes]) -> tuple[int, int, int]:
    line = file.readline()
    while line.startswith(b"%") or (line and not line.strip()):
        line = file.readline()
    rows, columns, entries = (int(word) for word in line.split())
    if min(rows, columns, entries) < 0:
        raise ValueError(f"sizes must not be negative, got {rows} {columns} {entries}")
    return rows, columns, entries


def _table(file: IO[bytes], entries: int, columns: int) -> NDArray[np.float64]:
    with warnings.catch_warnings():
        # An empty body makes NumPy warn; the error below names what is missing.
        warnings.simplefilter("ignore", UserWarning)
        table = np.loadtxt(file, dtype=np.float64, comments="%", ndmin=2)
    if table.size == 0:
        table = table.reshape(0, columns)
    if table.shape != (entries, columns):
        raise ValueError(f"{entries} entries of {columns} numbers are announced, {table.shape[0]} of {table.shape[1]} are there")
    return table


def _places(table: NDArray[np.float64], nodes: int, path: Path) -> NDArray[np.int64]:
    """Return (2, entries): rows and columns, from 0."""
    place = table[:, :2].T
    wrong = ~((place >= 1) & (place <= nodes) & (place == np.floor(place)))
    if wrong.any():
        rule = f"rows and columns must be integers from 1 to {nodes}"
        raise GraphError(f"{path}: {rule} (got {place[wrong][0]:g}): Matrix Market counts from 1, or correct the shape")
    return place.astype(np.int64) - 1


FORMAT = Format(
    name="matrix-market",
    summary="Matrix Market coordinates: .mtx or .mtx.gz.",
    suffixes=(".mtx", ".mtx.gz"),
    claims=lambda path: True,  # noqa: ARG005
    read=read,
)
