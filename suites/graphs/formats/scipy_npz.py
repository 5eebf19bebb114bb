"""Sparse matrices as ``scipy.sparse.save_npz`` writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rsc_bench.suites.graphs.formats import Format
from rsc_bench.suites.graphs.formats.limits import check_zip, readable
from rsc_bench.suites.graphs.graph import GraphError
from rsc_bench.suites.graphs.parts import Parts

if TYPE_CHECKING:
    from pathlib import Path


def read(path: Path, option: str | None = None) -> Parts:  # noqa: ARG001
    """Return the matrix."""
    import scipy.sparse

    with readable(path, "a matrix of scipy.sparse.save_npz"):
        matrix = scipy.sparse.load_npz(path)
    if matrix.format not in ("csr", "csc", "coo"):
        raise GraphError(
            f"{path}: a matrix must be CSR, CSC or COO (got {matrix.format!r}): convert it with .tocsr() and save it again"
        )
    return Parts(matrix)


FORMAT = Format(
    name="scipy-npz",
    summary="What scipy.sparse.save_npz writes: .npz.",
    suffixes=(".npz",),
    claims=lambda path: {"format", "shape", "data"} <= set(check_zip(path)),
    read=read,
)
