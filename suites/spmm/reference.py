"""Computes products in float64, on the device that the operands lie on, and how far a kernel's result is from them."""

from __future__ import annotations

import numpy as np
import torch

from rsc_bench.kernels import Csr

_ENTRIES_AT_A_TIME = 1 << 28
"""Non-zeros times columns that are gathered at once: 2 GiB in float64."""


def product(matrix: Csr, dense: torch.Tensor, weights: torch.Tensor | None = None) -> np.ndarray:
    """Return ``matrix @ diag(weights) @ dense`` in float64, (rows, width), on the host.

    Args:
        matrix: the sparse operand, its values as a kernel sees them.
        dense: (columns, width), on the matrix's device.
        weights: (columns,), float32, on the host: what each column-row pair counts for; None: 1.
    """
    if matrix.device.type != "cpu":
        return _on_the_device(matrix, dense, weights).cpu().numpy()
    operand = dense.double().numpy()
    if weights is None:
        whole: np.ndarray = matrix.to_scipy() @ operand
        return whole
    kept = np.flatnonzero(weights.numpy())
    columns = matrix.transpose().to_scipy()[kept].T.tocsr()
    sampled: np.ndarray = columns @ (weights.double().numpy()[kept, None] * operand[kept])
    return sampled


def _on_the_device(matrix: Csr, dense: torch.Tensor, weights: torch.Tensor | None) -> torch.Tensor:
    """Gather and add, a run of non-zeros at a time: for Reddit at 256 columns a second where SciPy takes a minute."""
    operand = dense.double()
    if weights is not None:
        operand = operand * weights.to(dense.device).double()[:, None]
    rows = torch.repeat_interleave(torch.arange(matrix.shape[0], device=matrix.device), matrix.row_nnz)
    value = matrix.values64()
    result = torch.zeros(matrix.shape[0], dense.shape[1], dtype=torch.float64, device=dense.device)
    step = max(1, _ENTRIES_AT_A_TIME // max(1, dense.shape[1]))
    for start in range(0, matrix.nnz, step):
        run = slice(start, start + step)
        result.index_add_(0, rows[run], operand[matrix.col[run].long()] * value[run, None])
    return result


def relative_error(found: torch.Tensor, wanted: np.ndarray) -> float:
    """Return the Frobenius norm of the difference over that of `wanted`; the plain norm of `found` where `wanted` is 0.

    Worked out where `found` lies: a GPU does in milliseconds what takes a host a second, four times in each record.
    """
    exact = torch.from_numpy(wanted).to(found.device)
    scale = float(torch.linalg.vector_norm(exact))
    difference = float(torch.linalg.vector_norm(found.double() - exact))
    return difference / scale if scale else difference
