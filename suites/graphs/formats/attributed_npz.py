"""The ``.npz`` layout of ``cora.npz`` (shchur/gnn-benchmark): CSR parts ``adj_*`` and ``attr_*``, and ``labels``."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from rsc_bench.suites.graphs.formats import Format
from rsc_bench.suites.graphs.formats.limits import MOST_BYTES, check_zip, too_large
from rsc_bench.suites.graphs.formats.npz_arrays import Arrays, compressed, read_arrays, shape_of
from rsc_bench.suites.graphs.graph import GraphError
from rsc_bench.suites.graphs.parts import Parts, check_dense_bytes, check_shape, class_numbers

if TYPE_CHECKING:
    from pathlib import Path

    import scipy.sparse
    import torch
    from numpy.typing import NDArray

_CSR = ("data", "indices", "indptr", "shape")


def read(path: Path, option: str | None = None) -> Parts:  # noqa: ARG001
    """Return adjacency, features and labels; citations, stored one way, become edges both ways."""
    arrays = read_arrays(path, [*(f"adj_{part}" for part in _CSR), *(f"attr_{part}" for part in _CSR), "labels"])
    check_shape(shape_of(arrays, path, "adj_"), path)
    features = _features(arrays, path) if "attr_data" in arrays else None
    return Parts(
        compressed(arrays, path, prefix="adj_"),
        undirected=True,
        features=None if features is None else partial(_dense, features),
        feature_rows=None if features is None else features.shape[0],
        labels=_classes(arrays["labels"], path) if "labels" in arrays else None,
        feature_count=None if features is None else features.shape[1],
    )


def _features(arrays: Arrays, path: Path) -> scipy.sparse.csr_matrix:
    features = compressed(arrays, path, prefix="attr_")
    rows, columns = features.shape
    if 4 * rows * columns > MOST_BYTES:
        raise too_large(path, 4 * rows * columns)
    check_dense_bytes(path, rows, columns, features.nnz)
    return features


def _classes(labels: NDArray[Any], path: Path) -> NDArray[np.int64]:
    """Return (nodes,): the place of each label among the distinct ones; -1 where it is negative, NaN or empty."""
    kind = labels.dtype.kind
    if labels.ndim != 1 or not (kind in "biuUS" or (kind == "f" and _whole_or_nan(labels))):
        got = f"{labels.dtype}, {labels.ndim} dimensions"
        raise GraphError(f"{path}: labels must be integers or names, one a node (got {got}): number the classes, -1 where missing")
    return class_numbers(labels, np.char.str_len(labels) > 0 if kind in "US" else labels >= 0)


def _whole_or_nan(labels: NDArray[Any]) -> bool:
    return bool((np.isnan(labels) | (np.isfinite(labels) & (labels == np.floor(labels)))).all())


def _dense(matrix: scipy.sparse.csr_matrix) -> torch.Tensor:
    import torch

    return torch.from_numpy(matrix.astype(np.float32).toarray())


FORMAT = Format(
    name="attributed-npz",
    summary="CSR parts adj_* and attr_*, and labels, as in cora.npz: .npz.",
    suffixes=(".npz",),
    claims=lambda path: "adj_data" in check_zip(path),
    read=read,
)
