"""Published graphs of the Open Graph Benchmark, from the data root or downloaded into it.

Read from OGB's raw tables with OGB's own reader. Its data set classes are not used: they load pickles, and ask on the
terminal before a large download.
"""

from __future__ import annotations

import tempfile
import zipfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rsc_bench.kernels import Csr
from rsc_bench.plugins import absent
from rsc_bench.suites.graphs.downloads import DATA_ROOT, Download, alone, available, fetch
from rsc_bench.suites.graphs.graph import Graph, Masks, MetricName
from rsc_bench.suites.graphs.source import Source
from rsc_bench.suites.graphs.synthetic.twin_table import TWINS

if TYPE_CHECKING:
    import torch

URL = "https://snap.stanford.edu/ogb/data/nodeproppred"


@dataclass(frozen=True)
class Published:
    """How OGB publishes a graph (its ``master.csv``)."""

    archive: str
    """Name of the archive and of the folder in it."""
    split: str
    """Name of the split."""
    directed: bool
    """True where edges are used one way, as they are stored."""
    classes: int
    """Classes, or tasks where multi-label."""
    metric_name: MetricName
    """What its leaderboard judges by."""


GRAPHS = {
    "ogbn-arxiv": Published("arxiv", "time", True, 40, "accuracy"),
    "ogbn-products": Published("products", "sales_ranking", False, 47, "accuracy"),
    "ogbn-proteins": Published("proteins", "species", False, 112, "ROC-AUC"),
}


def load(name: str, data_root: Path | None = None) -> Graph:
    """Return the published graph of a name, downloading it where the data root does not hold it."""
    root, published = data_root or DATA_ROOT, GRAPHS[name]
    folder = root / name.replace("-", "_")
    with available(name, root):
        if not (folder / "raw").is_dir():
            with alone(name, root):
                _download(published, root, folder)
        return _read(name, published, folder)


def contents(name: str, data_root: Path | None = None) -> list[Path]:
    """Return the tables of a graph; where they are not there yet, the one without which it cannot be read."""
    folder = (data_root or DATA_ROOT) / name.replace("-", "_")
    tables = [path for part in ("raw", f"split/{GRAPHS[name].split}") for path in sorted((folder / part).glob("*.csv.gz"))]
    return tables or [folder / "raw" / "edge.csv.gz"]


def missing() -> str | None:
    """Return how to get ogb, or None where it is installed."""
    return absent("ogb") if find_spec("ogb") is None else None


def _download(published: Published, root: Path, folder: Path) -> None:
    if (folder / "raw").is_dir():
        return
    with tempfile.TemporaryDirectory(dir=root, prefix=".download-") as draft:
        archive = Path(draft) / f"{published.archive}.zip"
        fetch(Download(f"{URL}/{published.archive}.zip"), archive)
        with zipfile.ZipFile(archive) as files:
            files.extractall(draft)
        (Path(draft) / published.archive).rename(folder)


def _read(name: str, published: Published, folder: Path) -> Graph:
    import torch
    from ogb.io.read_graph_raw import read_csv_graph_raw

    raw = read_csv_graph_raw(str(folder / "raw"), add_inverse_edge=not published.directed)[0]
    edge_index = torch.from_numpy(np.ascontiguousarray(raw["edge_index"]))
    labels = _labels(_table(folder / "raw" / "node-label.csv.gz"), published)
    features = _edge_means(raw) if raw["node_feat"] is None else torch.from_numpy(raw["node_feat"]).float()
    masks = _masks(folder / "split" / published.split, raw["num_nodes"])
    return Graph(
        name=name,
        adjacency=Csr.from_edge_index(edge_index, raw["num_nodes"], name=name),
        directed=published.directed,
        classes=published.classes,
        metric_name=published.metric_name,
        make_features=lambda: features,
        make_labels=lambda: labels,
        make_masks=lambda: masks,
        feature_count=features.shape[1],
    )


def _labels(table: Any, published: Published) -> torch.Tensor:
    import torch

    if published.metric_name == "ROC-AUC":
        return torch.from_numpy(table).float()
    return torch.from_numpy(np.nan_to_num(table[:, 0], nan=-1).astype(np.int64))


def _edge_means(raw: Any) -> torch.Tensor:
    """Return for each node the mean of the features of its edges: ogbn-proteins has features on edges only."""
    import torch

    target = torch.from_numpy(raw["edge_index"][1])
    total = torch.zeros(raw["num_nodes"], raw["edge_feat"].shape[1])
    total.index_add_(0, target, torch.from_numpy(raw["edge_feat"]).float())
    return total / torch.bincount(target, minlength=raw["num_nodes"]).clamp(min=1)[:, None]


def _masks(folder: Path, nodes: int) -> Masks:
    import torch

    masks = [torch.zeros(nodes, dtype=torch.bool) for _ in range(3)]
    for mask, part in zip(masks, ("train", "valid", "test"), strict=True):
        mask[torch.from_numpy(_table(folder / f"{part}.csv.gz")[:, 0].astype(np.int64))] = True
    return Masks(*masks)


def _table(path: Path) -> Any:
    import pandas as pd

    return pd.read_csv(path, header=None).to_numpy()


SOURCE = Source(
    name="ogb",
    summary="Published graphs of the Open Graph Benchmark, from --data-root or downloaded there.",
    names=list(GRAPHS),
    load=load,
    nodes=lambda name, data_root: TWINS[name].nodes,  # noqa: ARG005  (as published)
    missing=missing,
    contents=contents,
)
