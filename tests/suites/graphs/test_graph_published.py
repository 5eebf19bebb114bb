import gzip
import hashlib
import io
import json
import shutil
import urllib.request
from email.message import Message
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse
import torch

from rsc_bench.kernels import Csr
from rsc_bench.suites.graphs import GraphError, GraphStore, downloads, published_ogb, published_pyg
from rsc_bench.suites.graphs.downloads import Download
from rsc_bench.suites.graphs.published_ogb import GRAPHS


class Planted:
    """Unpickled, it leaves a file behind."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def plant(folder, executed):
    """Put pickles wherever a data set class of PyTorch Geometric or OGB would look for one."""
    for name in ("pre_transform.pt", "pre_filter.pt", "data.pt", "geometric_data_processed.pt", "split_dict.pt", "data_processed"):
        for place in (folder / "processed", folder / "raw", folder / "split" / "time", folder):
            place.mkdir(parents=True, exist_ok=True)
            torch.save(Planted(executed), place / name)


def write_graphsaint(raw, classes, **parts):
    """The raw files of a graph 0-1, 1-2 with both directions, as GraphSAINT's authors publish them."""
    raw.mkdir(parents=True)
    csr = {"data": np.ones(4), "indices": np.array([1, 0, 2, 1]), "indptr": np.array([0, 1, 3, 4]), "shape": np.array([3, 3])}
    np.savez(raw / "adj_full.npz", **csr | parts)
    np.save(raw / "feats.npy", np.ones((3, 5)))
    (raw / "class_map.json").write_text(json.dumps(classes))
    (raw / "role.json").write_text('{"tr": [0], "va": [1], "te": [2]}')


@pytest.fixture(autouse=True)
def offline(monkeypatch):
    def refuse(*arguments, **named):
        raise OSError("no route\nto host")

    monkeypatch.setattr("urllib.request.OpenerDirector.open", refuse)


def test_reddit2_is_read_with_its_own_split_from_a_folder_of_the_data_root(tmp_path):
    write_graphsaint(tmp_path / "Reddit2" / "raw", {"0": 0, "1": 1, "2": 40})
    graph = published_pyg.load("reddit2", tmp_path)
    assert (graph.name, graph.nodes, graph.edges, graph.classes, graph.metric_name) == ("reddit2", 3, 4, 41, "accuracy")
    assert graph.adjacency.to_scipy().toarray().tolist() == [[0, 1, 0], [1, 0, 1], [0, 1, 0]]
    assert (graph.features.dtype, graph.labels.dtype) == (torch.float32, torch.int64)
    assert graph.labels.tolist() == [0, 1, 40]
    assert graph.masks.test.tolist() == [False, False, True]


def test_a_node_without_a_class_has_none(tmp_path):
    write_graphsaint(tmp_path / "Flickr" / "raw", {"0": 3, "2": 4})
    assert published_pyg.load("flickr", tmp_path).labels.tolist() == [3, -1, 4]


def test_yelp_is_multi_label(tmp_path):
    write_graphsaint(tmp_path / "Yelp" / "raw", {str(node): [1] * 100 for node in range(3)})
    graph = published_pyg.load("yelp", tmp_path)
    assert (graph.classes, graph.metric_name, graph.labels.dtype) == (100, "micro-F1", torch.float32)


def write_reddit(raw):
    raw.mkdir(parents=True)
    edges = np.array([[0, 1, 1, 2, 2], [1, 0, 2, 1, 1]])  # one of them twice
    scipy.sparse.save_npz(raw / "reddit_graph.npz", scipy.sparse.coo_matrix((np.ones(5), edges), shape=(3, 3)))
    data = {"feature": np.ones((3, 5)), "label": np.array([0, 1, 40]), "node_types": np.array([1, 2, 3])}
    np.savez(raw / "reddit_data.npz", **data)


def test_reddit_has_each_edge_once(tmp_path):
    write_reddit(tmp_path / "Reddit" / "raw")
    graph = published_pyg.load("reddit", tmp_path)
    assert graph.adjacency.to_scipy().toarray().tolist() == [[0, 1, 0], [1, 0, 1], [0, 1, 0]]
    assert (graph.classes, graph.features.dtype, graph.masks.val.tolist()) == (41, torch.float32, [False, True, False])


@pytest.mark.skipif(find_spec("torch_geometric") is None, reason="PyTorch Geometric is not installed")
@pytest.mark.parametrize(("name", "dataset"), [("reddit", "Reddit"), ("reddit2", "Reddit2"), ("flickr", "Flickr")])
def test_it_is_the_graph_that_pytorch_geometric_reads(tmp_path, name, dataset):
    from torch_geometric import datasets

    raw = tmp_path / dataset / "raw"
    write_reddit(raw) if name == "reddit" else write_graphsaint(raw, {"0": 0, "1": 1, "2": 40}, indices=np.array([2, 0, 2, 1]))
    graph, data = published_pyg.load(name, tmp_path), getattr(datasets, dataset)(str(tmp_path / dataset))[0]
    assert torch.equal(graph.adjacency.rowptr, Csr.from_edge_index(data.edge_index, 3).rowptr)
    assert torch.equal(graph.adjacency.col, Csr.from_edge_index(data.edge_index, 3).col)
    assert torch.equal(graph.features, data.x)
    assert torch.equal(graph.labels, data.y)
    masks = graph.masks
    assert all(torch.equal(mine, theirs) for mine, theirs in ((masks.train, data.train_mask), (masks.test, data.test_mask)))


def test_a_pickle_in_a_folder_of_data_is_never_run(tmp_path):
    executed = tmp_path / "executed"
    write_graphsaint(tmp_path / "Reddit2" / "raw", {"0": 0, "1": 1, "2": 40})
    write_reddit(tmp_path / "Reddit" / "raw")
    for folder in ("Reddit2", "Reddit"):
        plant(tmp_path / folder, executed)
        published_pyg.load(folder.lower(), tmp_path)
    plant(tmp_path / "Flickr", executed)  # nothing but pickles
    with pytest.raises(GraphError, match=r"graph 'flickr' is not available from .*\(no route to host\): connect .*--data-root"):
        published_pyg.load("flickr", tmp_path)
    assert not executed.exists()
    with pytest.raises(Exception, match=r"."):
        torch.load(tmp_path / "Flickr" / "data.pt", weights_only=False).no_such_name  # noqa: B018
    assert executed.exists(), "the trap works"


@pytest.mark.skipif(published_ogb.missing() is not None, reason="ogb is not installed")
def test_nor_is_one_in_a_folder_of_ogb(tmp_path):
    write_ogb(tmp_path / "ogbn_arxiv", "time", "4\n39\n0\n", node="1\n2\n3\n")
    plant(tmp_path / "ogbn_arxiv", tmp_path / "executed")
    assert published_ogb.load("ogbn-arxiv", tmp_path).nodes == 3
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize("file", ["reddit_data.npz", "adj_full.npz", "feats.npy"])
def test_nor_is_one_inside_an_array(tmp_path, file):
    write_reddit(tmp_path / "Reddit" / "raw")
    write_graphsaint(tmp_path / "Flickr" / "raw", {"0": 3})
    planted = np.array([Planted(tmp_path / "executed")], dtype=object)
    folder = "Reddit" if file.startswith("reddit") else "Flickr"
    with (tmp_path / folder / "raw" / file).open("wb") as out:
        if file.endswith(".npy"):
            np.save(out, planted, allow_pickle=True)
        else:
            np.savez(out, feature=planted, node_types=planted, data=planted)
    with pytest.raises(GraphError, match="pickle"):
        published_pyg.load(folder.lower(), tmp_path)
    assert not (tmp_path / "executed").exists()


BAD_TABLES = [("class_map.json", text) for text in ("[1]", '{"9": 1}', '{"0": [1], "1": 2}')] + [("role.json", '{"tr": [-1]}')]


@pytest.mark.parametrize(("file", "text"), BAD_TABLES)
def test_damaged_tables_are_one_line(tmp_path, file, text):
    write_graphsaint(tmp_path / "Flickr" / "raw", {"0": 3})
    (tmp_path / "Flickr" / "raw" / file).write_text(text)
    with pytest.raises(GraphError, match="graph 'flickr' is not available from"):
        published_pyg.load("flickr", tmp_path)


def serve(monkeypatch, *answers):
    """Answer each request with what is next; return the addresses that were asked for."""
    asked, waiting = [], list(answers)

    def open_(self, url, timeout):
        asked.append(url)
        kind, data = waiting.pop(0)
        headers = Message()
        headers["Content-Type"] = kind
        answer = io.BytesIO(data)
        answer.headers = headers
        return answer

    monkeypatch.setattr("urllib.request.OpenerDirector.open", open_)
    return asked


def cora(folder):
    one = {"data": np.ones(2, np.float32), "indices": np.array([1, 2]), "indptr": np.array([0, 1, 2, 2]), "shape": (3, 3)}
    np.savez(folder / "made.npz", labels=np.array([0, 1, 1]), **{f"adj_{name}": part for name, part in one.items()})
    return (folder / "made.npz").read_bytes()


def test_cora_comes_from_an_npz_and_is_downloaded_once(monkeypatch, tmp_path):
    data, root = cora(tmp_path), tmp_path / "root"
    monkeypatch.setattr(published_pyg, "CORA", Download(published_pyg.CORA.url, hashlib.sha256(data).hexdigest()))
    asked = serve(monkeypatch, ("application/octet-stream", data))
    assert published_pyg.load("cora", root).edges == 4
    assert published_pyg.load("cora", root).name == "cora"
    assert asked == [published_pyg.CORA.url]
    assert [path.name for path in root.iterdir()] == ["cora.npz"]


def test_what_is_not_the_published_file_is_refused_and_leaves_nothing(monkeypatch, tmp_path):
    serve(monkeypatch, ("application/octet-stream", b"another"))
    with pytest.raises(GraphError, match=r"is not the published file: its SHA-256 must be 068e22d9\w+\.\.\. \(got \w{16}\.\.\.\)"):
        published_pyg.load("cora", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_page_in_place_of_a_file_is_refused(monkeypatch, tmp_path):
    serve(monkeypatch, ("text/html; charset=utf-8", b"<html>quota exceeded"))
    with pytest.raises(GraphError, match="answered with a page and not with the file"):
        published_pyg.load("flickr", tmp_path)
    assert not any(path.is_file() for path in tmp_path.rglob("*"))


def test_downloads_are_over_https_from_one_end_to_the_other(tmp_path):
    every = [published_pyg.CORA.url, published_pyg.REDDIT.url, published_pyg.DRIVE, published_ogb.URL]
    assert all(url.startswith("https://") for url in every)
    with pytest.raises(OSError, match="over https"):
        downloads.fetch(Download("http://example.org/x"), tmp_path / "x")
    redirect = urllib.request.Request("https://example.org/x"), None, 302, "Found", {}, "http://example.org/x"
    with pytest.raises(OSError, match="over https"):
        downloads._OnlyHttps().redirect_request(*redirect)
    assert downloads._OnlyHttps().redirect_request(*redirect[:-1], "https://example.org/y").full_url == "https://example.org/y"


def test_reddit_is_unpacked_from_its_archive(monkeypatch, tmp_path):
    write_reddit(tmp_path / "made")
    archive = Path(shutil.make_archive(str(tmp_path / "reddit"), "zip", tmp_path / "made"))
    asked = serve(monkeypatch, ("application/zip", archive.read_bytes()))
    assert published_pyg.load("reddit", tmp_path / "root").edges == 4
    assert asked == [published_pyg.REDDIT.url]
    assert sorted(path.name for path in (tmp_path / "root/Reddit/raw").iterdir()) == ["reddit_data.npz", "reddit_graph.npz"]


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
    write_ogb(tmp_path / "made" / "arxiv", "time", "0\n1\n2\n", node="1\n2\n3\n")
    archive = Path(shutil.make_archive(str(tmp_path / "arxiv"), "zip", tmp_path / "made"))
    asked = serve(monkeypatch, ("application/zip", archive.read_bytes()))
    monkeypatch.setattr("builtins.input", lambda *_: pytest.fail("a question on the terminal"))
    root = tmp_path / "root"
    assert published_ogb.load("ogbn-arxiv", root).nodes == 3
    assert asked == ["https://snap.stanford.edu/ogb/data/nodeproppred/arxiv.zip"]
    assert sorted(path.name for path in root.iterdir()) == ["ogbn_arxiv"]


def test_a_published_graph_comes_from_the_cache_until_one_of_its_files_changes(monkeypatch, tmp_path):
    monkeypatch.setenv("RSC_BENCH_CACHE", str(tmp_path / "cache"))
    raw = tmp_path / "Flickr" / "raw"
    write_graphsaint(raw, {"0": 3, "1": 3, "2": 4})
    first = GraphStore().load("flickr", tmp_path)
    monkeypatch.setattr(published_pyg, "_graph", lambda *_: pytest.fail("it was read"))
    again = GraphStore().load("flickr", tmp_path)
    assert again.task_digest == first.task_digest
    monkeypatch.undo()
    monkeypatch.setenv("RSC_BENCH_CACHE", str(tmp_path / "cache"))
    (raw / "class_map.json").write_text('{"0": 3, "1": 4, "2": 4}')
    assert GraphStore().load("flickr", tmp_path).labels.tolist() == [3, 4, 4]


def test_what_is_missing_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(published_ogb, "find_spec", lambda name: None)
    assert published_ogb.missing() == 'ogb is not installed: pip install "rsc-bench[train]"'
    assert published_pyg.SOURCE.missing() is None, "it reads the files itself"


def test_the_published_graphs_are_those_of_the_method(tmp_path):
    assert set(published_pyg.SOURCE.names) == {"reddit", "reddit2", "yelp", "flickr", "cora"}
    assert set(published_ogb.SOURCE.names) == set(GRAPHS) == {"ogbn-arxiv", "ogbn-products", "ogbn-proteins"}
    with pytest.raises(GraphError, match="cut short"), downloads.available("x", tmp_path):
        raise EOFError("cut short")
