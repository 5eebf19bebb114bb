"""Published graphs through PyTorch Geometric, from the data root or downloaded into it."""

from __future__ import annotations

import importlib
import warnings
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from rsc_bench.kernels import Csr
from rsc_bench.plugins import absent
from rsc_bench.suites.graphs.downloads import DATA_ROOT, available
from rsc_bench.suites.graphs.formats.attributed_npz import read
from rsc_bench.suites.graphs.graph import Graph, Masks
from rsc_bench.suites.graphs.parts import to_graph
from rsc_bench.suites.graphs.source import Source

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CORA_URL = "https://github.com/shchur/gnn-benchmark/raw/master/data/npz/cora.npz"


def load(name: str, data_root: Path | None = None) -> Graph:
    """Return the published graph of a name, downloading it where the data root does not hold it."""
    return _READERS[name](name, data_root or DATA_ROOT)


def missing() -> str | None:
    """Return how to get PyTorch Geometric, or None where it is installed."""
    if find_spec("torch_geometric") is None:
        return absent("torch_geometric")
    return None


def _dataset(dataset: str, name: str, root: Path) -> Graph:
    """Read one of PyTorch Geometric's data sets of a single graph; all of these are undirected."""
    with available(name, root), warnings.catch_warnings():
        # Where torch refuses a processed file as unsafe, PyTorch Geometric warns and then unpickles it: an error stops it there.
        warnings.filterwarnings("error", message="Weights only load failed")
        data = getattr(importlib.import_module("torch_geometric.datasets"), dataset)(str(root / dataset))[0]
        return _graph(data, name)


def _graph(data: Any, name: str) -> Graph:
    multi_label = data.y.dim() == 2
    return Graph(
        name=name,
        adjacency=Csr.from_edge_index(data.edge_index, data.num_nodes, name=name),
        directed=False,
        classes=int(data.y.shape[1] if multi_label else data.y.max() + 1),
        metric_name="micro-F1" if multi_label else "accuracy",
        make_features=data.x.float,
        make_labels=lambda: data.y.float() if multi_label else data.y.long(),
        make_masks=lambda: Masks(data.train_mask, data.val_mask, data.test_mask),
        feature_count=data.x.shape[1],
    )


def _cora(name: str, root: Path) -> Graph:
    """Read Cora from ``cora.npz``: the Planetoid files of the same graph are pickles, and no pickle is ever loaded."""
    path = root / "cora.npz"
    if not path.is_file():
        with available(name, root):
            importlib.import_module("torch_geometric.data").download_url(CORA_URL, str(root), filename=path.name)
    return to_graph(read(path), path, name)


_READERS: dict[str, Callable[[str, Path], Graph]] = {
    "reddit": partial(_dataset, "Reddit"),
    "reddit2": partial(_dataset, "Reddit2"),
    "yelp": partial(_dataset, "Yelp"),
    "flickr": partial(_dataset, "Flickr"),
    "cora": _cora,
}

SOURCE = Source(
    name="pyg",
    summary="Published graphs through PyTorch Geometric, from --data-root or downloaded there.",
    names=list(_READERS),
    load=load,
    missing=missing,
)
