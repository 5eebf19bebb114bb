from dataclasses import fields

import numpy as np
import pytest
import torch

from rsc_bench.suites import graphs
from rsc_bench.suites.graphs import Graph, GraphError, GraphStore, loading
from rsc_bench.suites.graphs.graph import Reading
from rsc_bench.suites.graphs.kept import graphs as kept
from rsc_bench.suites.graphs.kept import versions
from rsc_bench.suites.graphs.source import Source

TWIN, FILE = "twin:flickr@0.005", "%%MatrixMarket matrix coordinate real general\n3 3 4\n1 2 2.5\n2 1 1\n3 1 4\n2 3 1\n"


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("RSC_BENCH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "graphs"


@pytest.fixture
def made(monkeypatch):
    """Names of the graphs that sources were asked to make."""
    names, answer = [], Source.answer

    def noting(self, field, wanted, given):
        names.extend([given.name] if field == "load" else [])
        return answer(self, field, wanted, given)

    monkeypatch.setattr(Source, "answer", noting)
    return names


def matrix_file(folder, text=FILE, name="g.mtx"):
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text)
    return folder / name


def load(name, on_disk=True):
    """The graph as another process would load it."""
    return GraphStore(on_disk=on_disk).load(name)


def same(one, other):
    assert (one.name, one.directed, one.classes, one.metric_name) == (other.name, other.directed, other.classes, other.metric_name)
    assert (one.adjacency.shape, one.adjacency.name) == (other.adjacency.shape, other.adjacency.name)
    for of in (
        lambda graph: graph.adjacency.rowptr,
        lambda graph: graph.adjacency.col,
        lambda graph: graph.adjacency.value,
        lambda graph: graph.features,
        lambda graph: graph.labels,
        lambda graph: graph.masks.train,
        lambda graph: graph.masks.val,
        lambda graph: graph.masks.test,
    ):
        mine, theirs = of(one), of(other)
        assert (mine is None) == (theirs is None)
        assert mine is None or (mine.dtype == theirs.dtype and torch.equal(mine, theirs))
    assert (one.digest, one.task_digest, one.facts) == (other.digest, other.task_digest, other.facts)
    assert (one.reading, one.feature_count) == (other.reading, other.feature_count)


@pytest.mark.parametrize("name", [TWIN, "twin:ogbn-proteins@0.01", "twin:ogbn-arxiv@0.005"])
def test_a_twin_comes_back_as_it_was_made(cache, made, name):
    first, second, anew = load(name), load(name), load(name, on_disk=False)
    assert len(made) == 2, "by the first and by the last"
    same(first, anew)
    same(second, anew)


def test_a_file_comes_back_as_it_was_read(cache, made, tmp_path):
    path = matrix_file(tmp_path / "a")
    first, second = load(path), load(path)
    assert made == ["g"]
    same(first, second)
    same(second, load(path, on_disk=False))


def test_a_digest_that_was_kept_is_that_of_what_is_there(cache):
    load(TWIN)
    graph = load(TWIN)
    fresh = Graph(**{field.name: getattr(graph, field.name) for field in fields(Graph)})
    assert (fresh.digest, fresh.task_digest) == (graph.digest, graph.task_digest)


def test_every_field_of_a_graph_is_kept():
    plain = {field.name: field.type for field in fields(Graph) if field.name not in kept._APART}
    assert plain == {
        "name": "str",
        "directed": "bool",
        "classes": "int",
        "metric_name": "MetricName",
        "feature_count": "int | None",
        "reading": "Reading | None",
    }
    assert {field.type for field in fields(Reading)} == {"int"}


def test_another_file_of_the_same_name_is_another_entry(cache, made, tmp_path):
    one, other = matrix_file(tmp_path / "a"), matrix_file(tmp_path / "b", FILE.replace("2.5", "7.5"))
    assert float(load(one).adjacency.value.max()) == 4.0
    assert float(load(other).adjacency.value.max()) == 7.5
    assert len(made) == 2


def test_the_same_file_in_another_folder_is_the_same(cache, made, tmp_path):
    load(matrix_file(tmp_path / "a"))
    load(matrix_file(tmp_path / "b"))
    assert len(made) == 1


def test_a_changed_file_is_read_again_also_where_its_times_are_those_of_before(cache, tmp_path):
    import os

    path = matrix_file(tmp_path / "a")
    before = path.stat()
    store = GraphStore()
    assert float(store.load(path).adjacency.value.max()) == 4.0
    path.write_text(FILE.replace("2.5", "7.5"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert float(store.load(path).adjacency.value.max()) == 7.5, "in the same process"
    assert float(load(path).adjacency.value.max()) == 7.5


EDGES = "id_1,id_2\n0,1\n1,2\n"


def test_what_lies_beside_an_edge_list_counts(cache, tmp_path):
    path = matrix_file(tmp_path / "a", EDGES, "x_edges.csv")
    assert load(path).labels is None
    matrix_file(tmp_path / "a", "id,page\n0,a\n1,b\n2,a\n", "x_target.csv")
    assert load(path).labels.tolist() == [0, 1, 0]
    matrix_file(tmp_path / "a", "id,page\n0,b\n1,b\n2,a\n", "x_target.csv")
    assert load(path).labels.tolist() == [1, 1, 0]


def test_an_option_behind_the_path_counts(cache, tmp_path):
    path = matrix_file(tmp_path / "a", EDGES, "x_edges.csv")
    matrix_file(tmp_path / "a", "id,one,two\n0,a,p\n1,b,p\n2,a,q\n", "x_target.csv")
    assert load(f"{path}#one").labels.tolist() == [0, 1, 0]
    assert load(f"{path}#two").labels.tolist() == [0, 0, 1]


def test_other_code_or_packages_make_graphs_anew(cache, made, monkeypatch):
    load(TWIN)
    monkeypatch.setattr(versions, "of_code", lambda function: "other")
    load(TWIN)
    monkeypatch.setattr(versions, "of_packages", lambda: {"numpy": "9.9"})
    load(TWIN)
    assert len(made) == 3


def test_without_the_cache_nothing_is_read_from_it_or_written_to_it(cache, made):
    load(TWIN, on_disk=False)
    assert not cache.exists()
    load(TWIN)
    load(TWIN, on_disk=False)
    assert len(made) == 3


def test_graphs_that_take_no_time_are_not_kept(cache):
    load("small:hub")
    assert not cache.exists()


@pytest.mark.parametrize("part", ["rowptr", "col", "features", "labels", "train"])
def test_a_part_that_is_damaged_is_made_anew(cache, part):
    anew = load(TWIN, on_disk=False)
    load(TWIN)
    path = next(cache.glob(f"*/{part}.npy"))
    data = bytearray(path.read_bytes())
    data[-1] ^= 255
    path.write_bytes(data)
    same(load(TWIN), anew)
    same(load(TWIN), anew)


def test_a_cache_that_cannot_be_written_costs_only_time(tmp_path, monkeypatch, made):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("RSC_BENCH_CACHE", str(tmp_path / "file" / "cache"))
    store = GraphStore()
    same(store.load(TWIN), load(TWIN))
    assert len(made) == 2
    assert "set RSC_BENCH_CACHE to a folder that can be written" in store.trouble
    assert GraphStore(on_disk=False).trouble is None


def test_a_graph_that_is_kept_is_not_read_to_check_its_name(cache, made, tmp_path, monkeypatch):
    path = matrix_file(tmp_path / "a")
    load(path)
    monkeypatch.setattr("rsc_bench.suites.graphs.files.load", lambda *_: pytest.fail("it was read"))
    assert graphs.check(path) == "g"
    with pytest.raises(GraphError, match="no such file"):
        graphs.check(tmp_path / "a" / "none.mtx")


def own(**fields):
    everything = {"name": "mine", "summary": "Mine.", "names": ["mine"], "load": lambda name, root: loading.load("small:hub")}
    return Source(**everything | fields)


def test_a_source_of_the_user_is_kept_where_it_says_what_it_reads(cache, tmp_path):
    path = matrix_file(tmp_path / "a")
    assert kept.key_of(own(), "mine", None) is None
    assert kept.key_of(own(contents=lambda name, root: None), "mine", None) is None
    known = kept.key_of(own(contents=lambda name, root: [path]), "mine", None)
    path.write_text("changed")
    assert known is not None
    assert known != kept.key_of(own(contents=lambda name, root: [path]), "mine", None)


def test_the_code_of_a_source_of_the_user_counts():
    assert versions.of_code(test_the_code_of_a_source_of_the_user_counts) != versions.of_code(loading.load)


def test_a_file_that_changes_while_it_is_read_is_not_kept(cache, tmp_path, monkeypatch):
    path = matrix_file(tmp_path / "a")

    def changing():
        path.write_text(FILE.replace("2.5", "7.5"))
        return loading.load("small:hub")

    source = loading._source_of(str(path))
    kept.kept(kept.usual(), lambda: kept.key_of(source, str(path), None), changing)
    assert not cache.exists()


def test_large_files_are_known_by_their_times_once_they_are_settled(tmp_path, monkeypatch):
    monkeypatch.setattr(versions, "LARGE_BYTES", 1)
    monkeypatch.setattr(versions, "SETTLED_S", -1)
    path, digests = matrix_file(tmp_path / "a"), versions.Digests(tmp_path / "files.json")
    first = digests.of(path)
    monkeypatch.setattr(versions, "_digest", lambda path: "read anew")
    assert digests.of(path) == first
    path.write_text("changed")
    assert digests.of(path) == "read anew"
    (tmp_path / "files.json").write_text("[damaged")
    assert digests.of(path) == "read anew"


def test_a_file_that_was_just_written_is_not_known_by_its_times(tmp_path, monkeypatch):
    monkeypatch.setattr(versions, "LARGE_BYTES", 1)
    digests = versions.Digests(tmp_path / "files.json")
    digests.of(matrix_file(tmp_path / "a"))
    assert not (tmp_path / "files.json").exists()


def test_features_of_a_kept_graph_can_be_written_to_without_harm(cache):
    load(TWIN)
    load(TWIN).features.zero_()
    assert np.abs(load(TWIN).features.numpy()).sum() > 0
