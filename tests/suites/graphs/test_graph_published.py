import gzip
import shutil
import sys
import warnings
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from rsc_bench.suites.graphs import GraphError, downloads, published_ogb, published_pyg
from rsc_bench.suites.graphs.published_ogb import GRAPHS

# Nodes 0-1 and 1-2 linked both ways.
EDGES = torch.tensor([[0, 1, 1, 2], [1, 0, 2, 1]])


def data(labels):
    train, val, test = torch.eye(3, dtype=torch.bool)
    masks = {"train_mask": train, "val_mask": val, "test_mask": test}
    return SimpleNamespace(edge_index=EDGES, num_nodes=3, x=torch.ones(3, 5, dtype=torch.float64), y=labels, **masks)


def fake_pyg(monkeypatch, **attributes):
    monkeypatch.setitem(sys.modules, "torch_geometric.datasets", SimpleNamespace(**attributes))
    monkeypatch.setitem(sys.modules, "torch_geometric.data", SimpleNamespace(**attributes))


def test_reddit2_is_read_with_its_own_split_from_a_folder_of_the_data_root(monkeypatch, tmp_path):
    roots = []
    fake_pyg(monkeypatch, Reddit2=lambda root: roots.append(root) or [data(torch.tensor([0, 1, 40]))])
    graph = published_pyg.load("reddit2", tmp_path)
    assert roots == [str(tmp_path / "Reddit2")]
    assert (graph.name, graph.nodes, graph.edges, graph.classes, graph.metric_name) == ("reddit2", 3, 4, 41, "accuracy")
    assert (graph.features.dtype, graph.labels.dtype) == (torch.float32, torch.int64)
    assert graph.masks.test.tolist() == [False, False, True]


def test_yelp_is_multi_label(monkeypatch, tmp_path):
    fake_pyg(monkeypatch, Yelp=lambda root: [data(torch.ones(3, 100, dtype=torch.int64))])
    graph = published_pyg.load("yelp", tmp_path)
    assert (graph.classes, graph.metric_name, graph.labels.dtype) == (100, "micro-F1", torch.float32)


def test_a_download_that_fails_is_one_line(monkeypatch, tmp_path):
    def refuse(root):
        raise OSError("no route\nto host")

    fake_pyg(monkeypatch, Flickr=refuse)
    with pytest.raises(GraphError, match=r"graph 'flickr' is not available from .*\(no route to host\): connect .*--data-root"):
        published_pyg.load("flickr", tmp_path)


def test_a_processed_file_that_would_be_unpickled_is_refused(monkeypatch, tmp_path):
    unpickled = []

    def unsafe(root):
        warnings.warn("Weights only load failed. Please file an issue", stacklevel=2)
        unpickled.append(root)

    fake_pyg(monkeypatch, Reddit=unsafe)
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        with pytest.raises(GraphError, match="Weights only load failed"):
            published_pyg.load("reddit", tmp_path)
    assert unpickled == []


def test_cora_comes_from_an_npz_and_is_downloaded_once(monkeypatch, tmp_path):
    downloaded = []

    def download_url(url, folder, filename):
        downloaded.append(url)
        one = {"data": np.ones(2, np.float32), "indices": np.array([1, 2]), "indptr": np.array([0, 1, 2, 2]), "shape": (3, 3)}
        np.savez(Path(folder) / filename, labels=np.array([0, 1, 1]), **{f"adj_{name}": part for name, part in one.items()})

    fake_pyg(monkeypatch, download_url=download_url)
    assert published_pyg.load("cora", tmp_path).edges == 4
    assert published_pyg.load("cora", tmp_path).name == "cora"
    assert downloaded == [published_pyg.CORA_URL]


def write_ogb(folder, split, labels, **features):
    """The raw tables of a graph 0-1, 1-2, as OGB publishes them."""
    tables = {
        "raw/edge": "0,1\n1,2\n",
        "raw/num-node-list": "3\n",
        "raw/num-edge-list": "2\n",
        "raw/node-label": labels,
        f"split/{split}/train": "0\n",
        f"split/{split}/valid": "1\n",
        f"split/{split}/test": "2\n",
    }
    for name, text in (tables | {f"raw/{kind}-feat": text for kind, text in features.items()}).items():
        path = folder / f"{name}.csv.gz"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(text.encode()))


@pytest.mark.skipif(published_ogb.missing() is not None, reason="ogb is not installed")
def test_arxiv_keeps_its_direction_and_its_split(tmp_path):
    write_ogb(tmp_path / "ogbn_arxiv", "time", "4\n39\n0\n", node="1,2\n3,4\n5,6\n")
    graph = published_ogb.load("ogbn-arxiv", tmp_path)
    # Edge 0 -> 1 says that node 1 gathers from node 0.
    assert graph.adjacency.to_scipy().toarray().tolist() == [[0, 0, 0], [1, 0, 0], [0, 1, 0]]
    assert (graph.directed, graph.classes, graph.labels.tolist()) == (True, 40, [4, 39, 0])
    assert graph.features.tolist() == [[1, 2], [3, 4], [5, 6]]
    assert graph.masks.val.tolist() == [False, True, False]


@pytest.mark.skipif(published_ogb.missing() is not None, reason="ogb is not installed")
def test_proteins_is_symmetric_multi_label_and_gathers_the_features_of_its_edges(tmp_path):
    write_ogb(tmp_path / "ogbn_proteins", "species", "1,0\n0,1\n1,1\n", edge="2,4\n6,8\n")
    graph = published_ogb.load("ogbn-proteins", tmp_path)
    assert graph.adjacency.to_scipy().toarray().tolist() == [[0, 1, 0], [1, 0, 1], [0, 1, 0]]
    assert graph.features.tolist() == [[2, 4], [4, 6], [6, 8]]
    assert (graph.labels.dtype, graph.metric_name) == (torch.float32, "ROC-AUC")


@pytest.mark.skipif(published_ogb.missing() is not None, reason="ogb is not installed")
def test_an_ogb_archive_is_downloaded_without_a_question_and_unpacked_to_its_place(monkeypatch, tmp_path):
    import ogb.utils.url

    def download_url(url, folder):
        assert url.endswith("/arxiv.zip")
        write_ogb(tmp_path / "made" / "arxiv", "time", "0\n1\n2\n", node="1\n2\n3\n")
        return shutil.make_archive(f"{folder}/arxiv", "zip", tmp_path / "made")

    monkeypatch.setattr(ogb.utils.url, "download_url", download_url)
    monkeypatch.setattr("builtins.input", lambda *_: pytest.fail("a question on the terminal"))
    root = tmp_path / "root"
    assert published_ogb.load("ogbn-arxiv", root).nodes == 3
    assert sorted(path.name for path in root.iterdir()) == ["ogbn_arxiv"]


@pytest.mark.parametrize(("source", "package"), [(published_pyg, "torch_geometric"), (published_ogb, "ogb")])
def test_what_is_missing_says_how_to_get_it(monkeypatch, source, package):
    monkeypatch.setattr(source, "find_spec", lambda name: None)
    assert source.missing() == f'{package} is not installed: pip install "rsc-bench[train]"'


def test_the_published_graphs_are_those_of_the_method(tmp_path):
    assert set(published_pyg.SOURCE.names) == {"reddit", "reddit2", "yelp", "flickr", "cora"}
    assert set(published_ogb.SOURCE.names) == set(GRAPHS) == {"ogbn-arxiv", "ogbn-products", "ogbn-proteins"}
    with pytest.raises(GraphError, match="cut short"), downloads.available("x", tmp_path):
        raise EOFError("cut short")
