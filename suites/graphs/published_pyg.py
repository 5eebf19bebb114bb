"""Published graphs in the layout in which PyTorch Geometric keeps them, from the data root or downloaded into it.

Read from the raw files, in the way of PyTorch Geometric's data set classes, which are not used: what they keep in ``processed`` are
pickles, and a pickle in a folder of data is code that runs when it is read.
"""

from __future__ import annotations

import json
import tempfile
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rsc_bench.kernels import Csr
from rsc_bench.suites.graphs.downloads import DATA_ROOT, Download, alone, available, fetch
from rsc_bench.suites.graphs.formats.attributed_npz import read
from rsc_bench.suites.graphs.formats.limits import check_zip
from rsc_bench.suites.graphs.graph import Graph, Masks
from rsc_bench.suites.graphs.parts import check_entries, to_graph
from rsc_bench.suites.graphs.source import Source
from rsc_bench.suites.graphs.synthetic.twin_table import TWINS

if TYPE_CHECKING:
    import scipy.sparse

CORA = Download(
    "https://github.com/shchur/gnn-benchmark/raw/99356931fd6158a05de41632669d5ab69e6e105e/data/npz/cora.npz",
    "068e22d90c3849b4057dfb05851741428992af058efcd4e7ebb4186f3d581de2",
)
"""At the commit that last changed it, whose blob is b08fd856; the digest is of these contents."""
CORA_NODES = 2_708
"""Rows of its ``adj_shape``."""
REDDIT = Download("https://data.dgl.ai/dataset/reddit.zip")
DRIVE = "https://drive.usercontent.google.com/download?id={}&confirm=t"
"""Where GraphSAINT's authors publish; no digests are published."""
GRAPHSAINT = {
    "reddit2": {
        "adj_full.npz": "1sncK996BM5lpuDf75lDFqCiDZyErc1c2",
        "feats.npy": "1ZsHaJ0ussP1W722krmEIp_8pwKAoi5b3",
        "class_map.json": "1JF3Pjv9OboMNYs2aXRQGbJbc4t_nDd5u",
        "role.json": "1nJIKd77lcAGU4j-kVNx_AIGEkveIKz3A",
    },
    "yelp": {
        "adj_full.npz": "1Juwx8HtDwSzmVIJ31ooVa1WljI4U5JnA",
        "feats.npy": "1Zy6BZH_zLEjKlEFSduKE5tV9qqA_8VtM",
        "class_map.json": "1VUcBGr0T0-klqerjAjxRmAqFuld_SMWU",
        "role.json": "1NI5pa5Chpd-52eSmLW60OnB3WS5ikxq_",
    },
    "flickr": {
        "adj_full.npz": "1crmsTbd1-2sEXsGwa2IKnIB7Zd3TmUsy",
        "feats.npy": "1join-XdvX3anJU_MLVtick7MgeAQiWIZ",
        "class_map.json": "1uxIkbtg5drHTsKt-PAsZZ4_yJmgFmle9",
        "role.json": "1htXCtuktuCW8TR8KiKfrFDAxUgekQoV7",
    },
}
"""The raw files of each, by their id at Google Drive."""
_REDDIT_FILES = ("reddit_data.npz", "reddit_graph.npz")
_FOLDERS = {"reddit": "Reddit", "reddit2": "Reddit2", "yelp": "Yelp", "flickr": "Flickr"}


def load(name: str, data_root: Path | None = None) -> Graph:
    """Return the published graph of a name, downloading it where the data root does not hold it."""
    root = data_root or DATA_ROOT
    with available(name, root):
        if not all(path.is_file() for path in contents(name, root)):
            with alone(name, root):
                _complete(name, contents(name, root))
        if name == "cora":
            path = root / "cora.npz"
            return to_graph(read(path), path, name)
        raw = root / _FOLDERS[name] / "raw"
        return _graph(name, _reddit(raw) if name == "reddit" else _graphsaint(raw))


def contents(name: str, data_root: Path | None = None) -> list[Path]:
    """Return the raw files of a graph, whether they are there or not."""
    root = data_root or DATA_ROOT
    if name == "cora":
        return [root / "cora.npz"]
    raw = root / _FOLDERS[name] / "raw"
    return [raw / file for file in GRAPHSAINT.get(name, _REDDIT_FILES)]


def _complete(name: str, files: Iterable[Path]) -> None:
    """Download the raw files that are not there."""
    for path in files:
        if path.is_file():
            continue
        if name == "reddit":
            _unpack_reddit(path.parent)
        else:
            fetch(CORA if name == "cora" else Download(DRIVE.format(GRAPHSAINT[name][path.name])), path)


def _unpack_reddit(raw: Path) -> None:
    archive = raw / "reddit.zip"
    fetch(REDDIT, archive)
    try:
        with zipfile.ZipFile(archive) as files, tempfile.TemporaryDirectory(dir=raw, prefix=".unpacked-") as draft:
            for name in _REDDIT_FILES:
                files.extract(name, draft)
            for name in _REDDIT_FILES:
                Path(draft, name).rename(raw / name)  # another process sees it whole or not
    finally:
        archive.unlink()


@dataclass(frozen=True, eq=False)
class _Raw:
    """What the raw files hold."""

    adjacency: scipy.sparse.spmatrix
    """Row i gathers from the columns of its entries; all of these graphs are undirected."""
    features: np.ndarray
    labels: np.ndarray
    """(nodes,) classes, or (nodes, classes) of 0 and 1."""
    masks: tuple[np.ndarray, np.ndarray, np.ndarray]


def _reddit(raw: Path) -> _Raw:
    import scipy.sparse

    check_zip(raw / "reddit_data.npz")
    check_zip(raw / "reddit_graph.npz")
    adjacency = scipy.sparse.load_npz(raw / "reddit_graph.npz").tocsr()
    adjacency.sum_duplicates()
    with np.load(raw / "reddit_data.npz", allow_pickle=False) as data:
        split = data["node_types"]
        return _Raw(adjacency, data["feature"], data["label"], (split == 1, split == 2, split == 3))


def _graphsaint(raw: Path) -> _Raw:
    import scipy.sparse

    check_zip(raw / "adj_full.npz")
    with np.load(raw / "adj_full.npz", allow_pickle=False) as file:
        adjacency = scipy.sparse.csr_matrix((file["data"], file["indices"], file["indptr"]), tuple(file["shape"]))
    features = np.load(raw / "feats.npy", allow_pickle=False)
    classes = json.loads((raw / "class_map.json").read_bytes())
    role = json.loads((raw / "role.json").read_bytes())
    nodes = features.shape[0]
    given = np.array(list(classes.values()), dtype=np.int64)
    labels = np.full((nodes, *given.shape[1:]), -1, dtype=np.int64)
    labels[_ids([int(node) for node in classes], nodes)] = given
    train, val, test = (_mask(nodes, role[part]) for part in ("tr", "va", "te"))
    return _Raw(adjacency, features, labels, (train, val, test))


def _mask(nodes: int, members: list[int]) -> np.ndarray:
    mask = np.zeros(nodes, dtype=bool)
    mask[_ids(members, nodes)] = True
    return mask


def _ids(members: list[int], nodes: int) -> np.ndarray:
    found = np.array(members, dtype=np.int64)
    if found.size and not 0 <= int(found.min()) <= int(found.max()) < nodes:
        raise ValueError(f"node ids must lie in [0, {nodes:,}) (got {found.min()} to {found.max()})")
    return found


def _graph(name: str, raw: _Raw) -> Graph:
    import torch

    check_entries(raw.adjacency, Path(name))
    labels = torch.from_numpy(raw.labels)
    multi_label = labels.dim() == 2
    return Graph(
        name=name,
        adjacency=_adjacency(raw.adjacency, name),
        directed=False,
        classes=int(labels.shape[1] if multi_label else labels.max() + 1),
        metric_name="micro-F1" if multi_label else "accuracy",
        make_features=torch.from_numpy(raw.features).float,
        make_labels=labels.float if multi_label else labels.long,
        make_masks=lambda: Masks(*map(torch.from_numpy, raw.masks)),
        feature_count=raw.features.shape[1],
    )


def _adjacency(matrix: Any, name: str) -> Csr:
    """Entries as they are stored, their values left out; an edge of (row, column) goes from row to column in PyTorch Geometric."""
    import torch

    entries = matrix.tocoo()
    edge_index = torch.from_numpy(np.stack([entries.row, entries.col]).astype(np.int64))
    return Csr.from_edge_index(edge_index, matrix.shape[0], name=name)


SOURCE = Source(
    name="pyg",
    summary="Published graphs as PyTorch Geometric has them, from --data-root or downloaded there.",
    names=[*_FOLDERS, "cora"],
    load=load,
    nodes=lambda name, data_root: CORA_NODES if name == "cora" else TWINS[name].nodes,  # noqa: ARG005  (as published)
    contents=contents,
)
