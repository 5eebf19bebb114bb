"""Makes a sparse matrix of the arrays in an ``.npz`` file, of any dtype that NumPy reads, or says in one line why it cannot."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from rsc_bench.suites.graphs.formats.limits import readable
from rsc_bench.suites.graphs.graph import GraphError
from rsc_bench.suites.graphs.parts import check_indices, check_indptr, check_values

if TYPE_CHECKING:
    from pathlib import Path

    import scipy.sparse
    from numpy.typing import NDArray

Arrays = Mapping[str, "NDArray[Any]"]
INT32_MAX = 2**31 - 1


def read_arrays(path: Path, names: Iterable[str]) -> dict[str, NDArray[Any]]:
    """Return those of the named arrays that an ``.npz`` file has, in this machine's byte order; pickles are never loaded."""
    with readable(path, "an .npz archive"), np.load(path, allow_pickle=False) as archive:
        found = {name: np.asarray(archive[name]) for name in names if name in archive.files}
        return {name: array.astype(array.dtype.newbyteorder("="), copy=False) for name, array in found.items()}


def shape_of(arrays: Arrays, path: Path, prefix: str = "") -> tuple[int, ...]:
    """Return the shape of the matrix."""
    shape = _integers(arrays, f"{prefix}shape", path)
    return tuple(int(size) for size in shape)


def compressed(arrays: Arrays, path: Path, layout: str = "csr", prefix: str = "") -> scipy.sparse.csr_matrix:
    """Return the CSR or CSC matrix of ``data``, ``indices``, ``indptr`` and ``shape``, whose names begin with `prefix`."""
    import scipy.sparse

    rows, columns = shape = _two(shape_of(arrays, path, prefix), path)
    indices, indptr = (_integers(arrays, f"{prefix}{name}", path) for name in ("indices", "indptr"))
    along, across = (rows, columns) if layout == "csr" else (columns, rows)
    if indptr.size != along + 1:
        raise GraphError(f"{path}: {prefix}indptr must have {along + 1:,} offsets (got {indptr.size:,}): write the file anew")
    check_indptr(indptr, indices.size, path)
    check_indices(indices, across, path)
    data = _values(arrays, prefix, indices.size, path)
    kind = scipy.sparse.csr_matrix if layout == "csr" else scipy.sparse.csc_matrix
    return kind((data, _narrow(indices, across), _narrow(indptr, indices.size)), shape=shape)


def coordinates(arrays: Arrays, path: Path) -> scipy.sparse.coo_matrix:
    """Return the COO matrix of ``data``, ``shape`` and ``row`` and ``col``, or ``coords`` as SciPy's newer arrays have it."""
    import scipy.sparse

    rows, columns = shape = _two(shape_of(arrays, path), path)
    if "coords" in arrays:
        both = arrays["coords"]
        arrays = dict(arrays) | {"row": both[0], "col": both[1]} if both.ndim == 2 and len(both) == 2 else arrays
    row, col = (_integers(arrays, name, path) for name in ("row", "col"))
    if row.size != col.size:
        raise GraphError(f"{path}: row and col must be of one length (got {row.size:,} and {col.size:,}): write the file anew")
    check_indices(row, rows, path)
    check_indices(col, columns, path)
    data = _values(arrays, "", row.size, path)
    return scipy.sparse.coo_matrix((data, (_narrow(row, rows), _narrow(col, columns))), shape=shape)


def _two(shape: tuple[int, ...], path: Path) -> tuple[int, int]:
    if len(shape) != 2 or min(shape) < 0:
        raise GraphError(f"{path}: a matrix must have 2 dimensions (got the shape {shape}): store rows and columns")
    return shape[0], shape[1]


def _one_dimension(arrays: Arrays, name: str, path: Path) -> NDArray[Any]:
    if name not in arrays:
        raise GraphError(f"{path}: cannot be read as a matrix, it is cut short or damaged (no array {name!r}): write the file anew")
    array = arrays[name]
    if array.ndim != 1:
        raise GraphError(f"{path}: array {name!r} must have 1 dimension (got {array.ndim}): write the file anew")
    return array


def _integers(arrays: Arrays, name: str, path: Path) -> NDArray[Any]:
    array = _one_dimension(arrays, name, path)
    if array.dtype.kind not in "iu":
        raise GraphError(f"{path}: array {name!r} must hold integers (got {array.dtype}): save it as int32 or int64")
    return array


def _values(arrays: Arrays, prefix: str, entries: int, path: Path) -> NDArray[Any]:
    data = _one_dimension(arrays, f"{prefix}data", path)
    if data.size != entries:
        raise GraphError(f"{path}: {prefix}data must have a value for each of {entries:,} entries (got {data.size:,}): complete it")
    check_values(data, path)
    # SciPy's matrices hold no float16.
    return data.astype(np.float32) if data.dtype == np.float16 else data


def _narrow(index: NDArray[Any], most: int) -> NDArray[Any]:
    return index.astype(np.int32 if most <= INT32_MAX else np.int64, copy=False)
