"""The ``.npz`` layout of ``cora.npz`` (shchur/gnn-benchmark): CSR parts ``adj_*`` and ``attr_*``, and ``labels``."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from rsc_bench.suites.graphs.formats import Format
from rsc_bench.suites.graphs.formats.limits import MOST_BYTES, check_zip, readable, too_large
from rsc_bench.suites.graphs.graph import GraphError
from rsc_bench.suites.graphs.parts import Parts, check_entries, check_shape

if TYPE_CHECKING:
    from pathlib import Path

    import scipy.sparse
    import torch

_CSR = ("data", "indices", "indptr", "shape")


def read(path: Path, option: str | None = None) -> Parts:  # noqa: ARG001
    """Return adjacency, features and labels; citations, stored one way, become edges both ways."""
    with readable(path, "an .npz graph"), np.load(path, allow_pickle=False) as archive:
        wanted = [*(f"adj_{part}" for part in _CSR), *(f"attr_{part}" for part in _CSR), "labels"]
        arrays = {name: archive[name] for name in wanted if name in archive.files}
        adjacency = _csr(arrays, "adj", path)
        features = _csr(arrays, "attr", path) if "attr_data" in arrays else None
    labels = arrays.get("labels")
    if features is not None:
        _check_features(features, path)
    if labels is not None and labels.dtype.kind not in "iu":
        raise GraphError(f"{path}: labels must be integers (got {labels.dtype}): number the classes from 0, -1 where missing")
    return Parts(
        adjacency,
        undirected=True,
        features=None if features is None else partial(_dense, features),
        feature_rows=None if features is None else features.shape[0],
        labels=None if labels is None else np.maximum(labels.astype(np.int64), -1),
    )


def _check_features(features: scipy.sparse.csr_matrix, path: Path) -> None:
    check_entries(features, path)
    size = 4 * int(features.shape[0]) * int(features.shape[1])
    if size > MOST_BYTES:
        raise too_large(path, size)


def _csr(arrays: dict[str, Any], prefix: str, path: Path) -> scipy.sparse.csr_matrix:
    import scipy.sparse

    data, indices, indptr, shape = (arrays[f"{prefix}_{part}"] for part in _CSR)
    if prefix == "adj":
        check_shape(tuple(shape), path)
    return scipy.sparse.csr_matrix((data, indices, indptr), shape=tuple(shape))


def _dense(matrix: scipy.sparse.csr_matrix) -> torch.Tensor:
    import torch

    return torch.from_numpy(matrix.astype(np.float32).toarray())


FORMAT = Format(
    name="attributed-npz",
    summary="The layout of cora.npz: CSR parts adj_* and attr_*, and labels.",
    suffixes=(".npz",),
    claims=lambda path: "adj_data" in check_zip(path),
    read=read,
)
