"""Makes the small matrices that the kernel tests share; every number in them is exact in bfloat16."""

from __future__ import annotations

import numpy as np
import scipy.sparse
import torch

from rsc_bench.kernels import Csr

ROWS, COLUMNS = 13, 9


def jagged(weighted: bool = True, dtype: torch.dtype | None = None) -> Csr:
    """13 x 9: row 4 is a hub, rows 0, 7 and 12 are empty, and so are columns 2 and 8."""
    generator = np.random.default_rng(7)
    kept = generator.random((ROWS, COLUMNS)) < 0.3
    kept[4] = True
    kept[[0, 7, 12]] = kept[:, [2, 8]] = False
    matrix = Csr.from_scipy(scipy.sparse.csr_matrix(kept * eighths(generator, (ROWS, COLUMNS))), "jagged", weighted)
    return matrix if dtype is None else with_rowptr(matrix, dtype)


def without_entries(rows: int = 3, columns: int = 5) -> Csr:
    """A matrix of zeros."""
    return Csr(torch.zeros(rows + 1, dtype=torch.int32), torch.zeros(0, dtype=torch.int32), None, (rows, columns), "empty")


def with_rowptr(matrix: Csr, dtype: torch.dtype) -> Csr:
    """The same matrix with row offsets of another integer type."""
    return Csr(matrix.rowptr.to(dtype), matrix.col, matrix.value, matrix.shape, matrix.name)


def dense(rows: int, width: int, seed: int = 0) -> torch.Tensor:
    """(rows, width), float32: eighths between -2 and 2, none of them 0."""
    return torch.from_numpy(eighths(np.random.default_rng(seed), (rows, width))).float()


def eighths(generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    drawn: np.ndarray = generator.integers(1, 17, shape) / 8 * generator.choice([-1, 1], shape)
    return drawn


def array(matrix: Csr) -> np.ndarray:
    """The matrix in full, float64."""
    full: np.ndarray = matrix.to_scipy().toarray()
    return full


def same_bits(one: Csr, other: Csr) -> bool:
    """Whether two matrices are equal entry for entry, dtypes included."""
    pairs = [(one.rowptr, other.rowptr), (one.col, other.col)]
    if one.shape != other.shape or (one.value is None) != (other.value is None):
        return False
    if one.value is not None and other.value is not None:
        pairs.append((one.value, other.value))
    return all(a.dtype == b.dtype and torch.equal(a, b) for a, b in pairs)
