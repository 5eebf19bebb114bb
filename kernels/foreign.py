"""Takes matrices of SciPy and of torch, and edge lists, apart into what a `Csr` is made of.

Their own conversions look at no index, and read and write by them: so each is checked before it is converted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from rsc_bench.kernels import checked

if TYPE_CHECKING:
    import numpy as np
    import scipy.sparse

Parts = tuple[torch.Tensor, torch.Tensor, torch.Tensor | None, tuple[int, int]]
"""Row offsets, columns, value or None, shape: all of them checked, and offsets in int32 where they fit."""


def of_scipy(matrix: Any, name: str, weighted: bool) -> Parts:
    """Take a 2-D sparse matrix of SciPy apart; duplicates are summed, ``weighted=False`` drops the values."""
    name = checked.called(name)
    _check_scipy(matrix, name)
    matrix = matrix.tocsr(copy=True)
    matrix.sum_duplicates()
    value = torch.from_numpy(matrix.data).float() if weighted else None
    return _parts(torch.from_numpy(matrix.indptr), torch.from_numpy(matrix.indices), value, matrix.shape, name)


def of_torch(matrix: Any, name: str) -> Parts:
    """Take a 2-D tensor of layout CSR, CSC or COO apart; duplicates of a COO tensor are summed."""
    name = checked.called(name)
    _check_torch(matrix, name)
    if matrix.layout is torch.sparse_coo:
        matrix = matrix.coalesce()
    matrix = matrix.to_sparse_csr()
    return _parts(matrix.crow_indices(), matrix.col_indices(), matrix.values(), tuple(matrix.shape), name)


def of_edges(rows: Any, columns: Any, shape: Any, name: str) -> tuple[torch.Tensor, torch.Tensor, tuple[int, int]]:
    """Return targets and sources of edges, int32 or int64, and the shape that they lie in."""
    name = checked.called(name)
    shape = checked.size(shape, name)
    targets, sources = (
        checked.integers(part, f"{which} of edge_index", name) for part, which in ((rows, "targets"), (columns, "sources"))
    )
    if len(targets) != len(sources):
        raise ValueError(f"{name}: edge_index must have a source for each of its {len(targets)} targets (got {len(sources)})")
    for part, which, count in ((targets, "targets", shape[0]), (sources, "sources", shape[1])):
        rule = f"edge_index must lie in [0, {count}) for its {which}"
        checked.within(part, count, rule, name, "they must be valid indices of nodes, which count from 0")
    return targets, sources, shape


def check_edge_index(edge_index: Any, value: Any, name: str) -> None:
    """Raise ``ValueError`` where an edge list is none of PyTorch Geometric's, or has not one value for each edge."""
    name = checked.called(name)
    if not isinstance(edge_index, torch.Tensor) or edge_index.dim() != 2 or edge_index.shape[0] != 2:
        found = f"shape {tuple(edge_index.shape)}" if isinstance(edge_index, torch.Tensor) else checked.kind(edge_index)
        raise ValueError(f"{name}: edge_index must be a tensor of shape (2, edges), sources above targets (got {found})")
    if value is not None:
        checked.values(value, "value", "one entry an edge", (edge_index.shape[1], edge_index.device), name)


def _parts(rowptr: torch.Tensor, col: torch.Tensor, value: torch.Tensor | None, shape: Any, name: str) -> Parts:
    shape = checked.size(shape, name)
    rowptr, col = checked.indices(rowptr, col, shape, name)
    return checked.fit(rowptr), col, value, shape


def _check_torch(matrix: Any, name: str) -> None:
    if not isinstance(matrix, torch.Tensor):
        raise ValueError(f"{name}: must be a torch tensor (got {checked.kind(matrix)}): Csr.from_scipy takes matrices of SciPy")
    if matrix.dim() != 2 or (matrix.layout is torch.sparse_coo and matrix.dense_dim()):
        raise ValueError(f"{name}: must be 2-D, with one number an entry (got shape {tuple(matrix.shape)})")
    rows, columns = matrix.shape
    if matrix.layout is torch.sparse_coo:
        _check_coordinates(matrix._indices()[0], matrix._indices()[1], (rows, columns), name)
    elif matrix.layout is torch.sparse_csc:
        checked.indices(matrix.ccol_indices(), matrix.row_indices(), (columns, rows), f"{name}, by columns")
    elif matrix.layout not in (torch.sparse_csr, torch.strided):
        found = checked.word(matrix.layout)
        raise ValueError(f"{name}: must be of layout CSR, CSC or COO (got {found}): give matrix.to_sparse_csr()")


def _check_scipy(matrix: Any, name: str) -> None:
    form = getattr(matrix, "format", None)
    if form is None or getattr(matrix, "ndim", None) != 2:
        found = checked.kind(matrix) if form is None else f"shape {matrix.shape}"
        raise ValueError(f"{name}: must be a 2-D sparse matrix of SciPy (got {found}): scipy.sparse.csr_matrix makes one")
    rows, columns = checked.size(matrix.shape, name)
    if form == "coo":
        _check_coordinates(_tensor(matrix.row), _tensor(matrix.col), (rows, columns), name)
    elif form == "csr":
        _check_compressed(matrix, (rows, columns), name)
    elif form == "csc":
        _check_compressed(matrix, (columns, rows), f"{name}, by columns")
    elif form == "bsr":
        try:
            matrix.check_format(full_check=True)
        except ValueError as error:
            raise ValueError(f"{name}: its blocks must be where there are some (got, in SciPy's words: {error})") from None


def _check_compressed(matrix: scipy.sparse.csr_matrix, shape: tuple[int, int], name: str) -> None:
    """Check a CSR or CSC matrix, which in SciPy may have room behind its last entry."""
    if len(matrix.data) != len(matrix.indices):
        found = f"got {len(matrix.data)}"
        raise ValueError(f"{name}: data must have a number for each of its {len(matrix.indices)} indices ({found})")
    checked.indices(_tensor(matrix.indptr), _tensor(matrix.indices), shape, name, bounded=True)


def _check_coordinates(rows: torch.Tensor, columns: torch.Tensor, shape: tuple[int, int], name: str) -> None:
    for part, which, count in ((rows, "row", shape[0]), (columns, "column", shape[1])):
        checked.within(part, count, f"{which} indices must lie in [0, {count})", name)


def _tensor(array: np.ndarray) -> torch.Tensor:
    """Return an array to look at; torch warns of one that cannot be written, as those of a file that is mapped cannot."""
    return torch.from_numpy(array if array.flags.writeable else array.copy())
