"""The Facebook100 ``.mat`` files as LINKX uses them: ``A`` and ``local_info``."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from rsc_bench.suites.graphs.formats import Format
from rsc_bench.suites.graphs.formats.limits import readable
from rsc_bench.suites.graphs.formats.mat_elements import check_mat
from rsc_bench.suites.graphs.graph import GraphError
from rsc_bench.suites.graphs.parts import Parts, check_dense_bytes, class_numbers

if TYPE_CHECKING:
    from pathlib import Path

    import torch
    from numpy.typing import NDArray

GENDER = 1
"""The column that LINKX predicts (Lim et al., NeurIPS 2021, arXiv 2110.14446)."""


def read(path: Path, option: str | None = None) -> Parts:
    """Return ``A``, one column of ``local_info`` as labels (0 is missing), and the other columns one-hot as features."""
    matrix, info = _arrays(path)
    label = _column(option, info.shape[1], path)
    columns = [np.unique(column, return_inverse=True)[1] for column in np.delete(info, label, axis=1).T]
    width = sum(int(column.max(initial=-1)) + 1 for column in columns)
    check_dense_bytes(path, info.shape[0], width, info.size)
    return Parts(
        matrix,
        features=partial(_one_hot, columns, info.shape[0], width) if width else None,
        feature_rows=info.shape[0],
        labels=class_numbers(info[:, label], info[:, label] != 0),
        feature_count=width,
    )


def _arrays(path: Path) -> tuple[Any, NDArray[Any]]:
    import scipy.io
    import scipy.sparse
    from scipy.io.matlab import MatReadError

    with readable(path, "a MATLAB file up to version 7"):
        check_mat(path)
        try:
            found = scipy.io.loadmat(path, variable_names=["A", "local_info"])
        except (MatReadError, UnboundLocalError) as error:  # the second where SciPy does not know the class of an array
            raise ValueError(str(error)) from error
    if not scipy.sparse.issparse(found.get("A")) or "local_info" not in found:
        raise GraphError(f"{path}: a LINKX graph holds a sparse A and a local_info: store both under these names")
    info = found["local_info"]
    table = isinstance(info, np.ndarray) and info.ndim == 2
    if not table or not (info.dtype.kind in "biu" or (info.dtype.kind == "f" and bool((np.floor(info) == info).all()))):
        got = f"{info.dtype}, {info.ndim} dimensions"
        raise GraphError(f"{path}: local_info must be a table of integers (got {got}): number what it says, 0 where missing")
    return found["A"], info


def _column(option: str | None, columns: int, path: Path) -> int:
    text = str(GENDER) if option is None else option
    if not text.isdecimal() or int(text) >= columns:
        raise GraphError(f"{path}: the label column behind # must lie in [0, {columns}) (got {text!r}): write {path.name}#{GENDER}")
    return int(text)


def _one_hot(columns: list[NDArray[np.int64]], nodes: int, width: int) -> torch.Tensor:
    """Return (nodes, distinct values over all columns), float32, as LINKX does: 0, missing, is a value too."""
    import torch

    features = torch.zeros(nodes, width)
    start = 0
    for column in columns:
        features[torch.arange(nodes), torch.from_numpy(column) + start] = 1
        start += int(column.max(initial=-1)) + 1
    return features


FORMAT = Format(
    name="linkx-mat",
    summary="Facebook100 as in LINKX: a .mat file with A and local_info.",
    suffixes=(".mat",),
    claims=lambda path: True,  # noqa: ARG005
    read=read,
    option="column of local_info that is the label, from 0; 1, gender, by default",
)
