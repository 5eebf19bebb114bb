"""Sparse matrices as ``scipy.sparse.save_npz`` writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rsc_bench.suites.graphs.formats import Format
from rsc_bench.suites.graphs.formats.limits import check_zip, cut
from rsc_bench.suites.graphs.formats.npz_arrays import compressed, coordinates, read_arrays, shape_of
from rsc_bench.suites.graphs.graph import GraphError
from rsc_bench.suites.graphs.parts import Parts, check_shape

if TYPE_CHECKING:
    from pathlib import Path


def read(path: Path, option: str | None = None) -> Parts:  # noqa: ARG001
    """Return the matrix."""
    arrays = read_arrays(path, ["format", "shape", "data", "indices", "indptr", "row", "col", "coords"])
    found = arrays.pop("format").ravel()
    layout = found[0] if found.size == 1 else ""
    layout = layout.decode("ascii", errors="replace") if isinstance(layout, bytes) else str(layout)
    if layout not in ("csr", "csc", "coo"):
        raise GraphError(
            f"{path}: a matrix must be CSR, CSC or COO (got {cut(layout)}): convert it with .tocsr() and save it again"
        )
    check_shape(shape_of(arrays, path), path)
    return Parts(coordinates(arrays, path) if layout == "coo" else compressed(arrays, path, layout))


FORMAT = Format(
    name="scipy-npz",
    summary="A matrix by scipy.sparse.save_npz, say of coo_matrix((values, (rows, columns)), shape=(nodes, nodes)): .npz.",
    suffixes=(".npz",),
    claims=lambda path: {"format", "shape", "data"} <= set(check_zip(path)),
    read=read,
)
