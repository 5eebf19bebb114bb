"""Matrix Market files, plain or packed: what `scipy.io.mmread` reads of them.

Read with NumPy: SciPy's fast reader crashes the process on some damaged files, where one line is owed. Two values differ from
SciPy's on purpose: ``1.5D+02`` is 150 (SciPy stops at the D and gives 1.5), and a value that is no number is refused (SciPy
takes what stands before the first letter).
"""

from __future__ import annotations

import codecs
import warnings
from collections.abc import Iterable, Iterator
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from rsc_bench.suites.graphs.formats import Format
from rsc_bench.suites.graphs.formats.limits import CHUNK, cut, readable, unpacked
from rsc_bench.suites.graphs.graph import GraphError
from rsc_bench.suites.graphs.parts import Parts, check_shape

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

_SIGN = {"general": 0, "symmetric": 1, "hermitian": 1, "skew-symmetric": -1}
"""What the value of an entry is multiplied by on the other side of the diagonal (math.nist.gov/MatrixMarket/formats.html)."""
_FIELDS = ("real", "double", "integer", "unsigned-integer", "pattern")
_FORTRAN = bytes.maketrans(b"Dd", b"Ee")
"""Fortran writes the exponent of a double with a D."""


def read(path: Path, option: str | None = None) -> Parts:  # noqa: ARG001
    """Return the matrix; ``symmetric`` files come out with both directions, ``pattern`` files without weights."""
    with unpacked(path) as plain, plain.open("rb") as file, readable(path, "Matrix Market"):
        layout, field, sign = _header(file.readline(CHUNK).removeprefix(codecs.BOM_UTF8), path)
        sizes = _sizes(file, 3 if layout == "coordinate" else 2)
        nodes = check_shape(sizes[:2], path)
        if layout == "array":
            place, value = _array(_numbers(file, 1), nodes, sign)
        else:
            table = _numbers(file, 2 if field == "pattern" else 3)
            _check_number(len(table), sizes[2])
            place = _places(table, nodes, path)
            value = np.ones(len(table)) if field == "pattern" else table[:, 2]
    return Parts(_matrix(value, place, nodes), mirrored=sign)


def _matrix(value: NDArray[np.float64], place: NDArray[np.int64], nodes: int) -> Any:
    import scipy.sparse

    return scipy.sparse.coo_matrix((value, (place[0], place[1])), shape=(nodes, nodes))


def _header(line: bytes, path: Path) -> tuple[str, str, int]:
    """Return the layout, the field and the sign of the other direction, 0 where there is none."""
    words = line.decode("ascii", errors="replace").lower().split()
    if len(words) < 5 or words[0] not in ("%%matrixmarket", "%matrixmarket") or words[1] != "matrix":
        raise ValueError("line 1 must be '%%MatrixMarket matrix coordinate ...'")
    layout, field, symmetry = words[2:5]
    if layout not in ("coordinate", "array"):
        raise GraphError(f"{path}: must be 'coordinate' or 'array' (got {cut(layout)}): write the graph as coordinates")
    if field not in _FIELDS or symmetry not in _SIGN or (layout == "array" and field == "pattern"):
        raise GraphError(
            f"{path}: must be real, integer or pattern and general or symmetric (got {cut(field)}, {cut(symmetry)}): convert it"
        )
    return layout, field, _SIGN[symmetry]


def _sizes(file: IO[bytes], count: int) -> tuple[int, ...]:
    """Return what the first line that is no comment announces: rows, columns, and entries where only some are listed."""
    while (line := file.readline(CHUNK)) and (not line.strip() or line.lstrip().startswith(b"%")):
        while not line.endswith(b"\n") and (line := file.readline(CHUNK)):
            pass  # the rest of a long comment
    sizes = tuple(int(word) for word in line.split())
    if len(sizes) != count or min(sizes) < 0:
        raise ValueError(f"{count} sizes of 0 or more must stand behind the comments, got {cut(line.decode('latin1').strip())}")
    return sizes


def _numbers(file: IO[bytes], columns: int) -> NDArray[np.float64]:
    """Return (lines, columns): the first numbers of each line; what stands behind them is not read, as SciPy does."""
    start = file.tell()
    try:
        return _table(file, columns)
    except ValueError:
        file.seek(start)
        return _table(_with_fortran_exponents(file), columns)


def _with_fortran_exponents(file: IO[bytes]) -> Iterator[str]:
    for line in file:
        yield line.translate(_FORTRAN).decode("latin1")


def _table(lines: Iterable[bytes] | Iterable[str], columns: int) -> NDArray[np.float64]:
    with warnings.catch_warnings():
        # An empty body makes NumPy warn; what is missing is said elsewhere.
        warnings.simplefilter("ignore", UserWarning)
        table = np.loadtxt(lines, dtype=np.float64, comments="%", ndmin=2, usecols=range(columns))
    return table.reshape(-1, columns)


def _check_number(found: int, announced: int) -> None:
    if found != announced:
        raise ValueError(f"{announced} entries are announced, {found} are there")


def _array(table: NDArray[np.float64], nodes: int, sign: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return places and values of what is not zero; columns stand one after the other, of a symmetric matrix their lower half."""
    listed = nodes * nodes if not sign else nodes * (nodes + sign) // 2
    _check_number(len(table), listed)
    dense = np.zeros((nodes, nodes))
    if sign:
        # Rows of the upper half in order are columns of the lower half in order.
        column, row = np.triu_indices(nodes, k=0 if sign > 0 else 1)
        dense[row, column] = table[:, 0]
    else:
        dense = table.reshape(nodes, nodes).T
    place = np.stack(dense.nonzero())
    return place, dense[place[0], place[1]]


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
    summary="Matrix Market: .mtx, .mtx.gz or .mtx.bz2.",
    suffixes=(".mtx", ".mtx.gz", ".mtx.bz2"),
    claims=lambda path: True,  # noqa: ARG005
    read=read,
)
