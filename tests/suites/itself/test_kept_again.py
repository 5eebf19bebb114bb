"""Graphs from nothing and from disk, as the suite of the harness times them."""

import os

import pytest

from rsc_bench import caches
from rsc_bench.harness.measure.work import Skip, Wrong
from rsc_bench.suites.graphs import Graph, GraphStore
from rsc_bench.suites.itself import kept, records
from rsc_bench.suites.itself.sweep import HarnessSetting

TWIN = "twin:reddit2@0.01"
EDGES = 232_138


def setting(task, graph=TWIN, quick=True):
    return HarnessSetting(task, graph, graph, quick=quick)


def heads(folder):
    return sorted(path.parent.name.rpartition("-")[0] for path in folder.rglob("entry.json"))


def test_a_graph_is_made_into_a_folder_of_its_own_and_read_from_there(tmp_path, monkeypatch):
    monkeypatch.setenv(caches.PLACE, str(tmp_path / "users"))
    made = kept.observe(setting("graph_made"), tmp_path / "own")
    assert len(made.times_s) == 1
    assert (made.nnz, made.nodes) == (EDGES, 2330)
    assert heads(tmp_path / "own") == ["twin-reddit2-0.01"]
    monkeypatch.setattr(kept.GraphStore, "load", of_disk_alone(kept.GraphStore.load))
    read = kept.observe(setting("graph_cached", quick=False), tmp_path / "own")
    assert len(read.times_s) >= 3
    assert max(read.times_s) < made.times_s[0]
    assert os.environ[caches.PLACE] == str(tmp_path / "users")
    assert not (tmp_path / "users").exists()


def of_disk_alone(load):
    """Loading that finds what is made, and makes nothing."""

    def loaded(store, name, data_root=None, reorder=None):
        assert any(caches.graphs().glob("*/entry.json")), "it would be made"
        return load(store, name, data_root, reorder)

    return loaded


def test_what_is_made_is_made_anew_each_time(tmp_path, monkeypatch):
    seen = []
    load = GraphStore.load
    monkeypatch.setattr(GraphStore, "load", lambda *given: seen.append(heads(caches.folder())) or load(*given))
    for _ in range(2):
        kept.observe(setting("graph_made"), tmp_path)
    assert seen == [[], []]


def test_what_is_not_kept_is_not_said_to_be_read(tmp_path, monkeypatch):
    with pytest.raises(Skip, match=r"^it is not kept on disk, so it cannot be read from there: it is small"):
        kept.observe(setting("graph_cached", graph="small:hub"), tmp_path)
    monkeypatch.setenv(caches.SIZE, "0.001")
    with pytest.raises(Skip, match=r"twin:reddit2@0.01 is not kept: it takes .* GB"):
        kept.observe(setting("graph_cached"), tmp_path / "small")


def test_memory_is_that_of_the_call(tmp_path):
    made = kept.observe(setting("graph_made"), tmp_path)
    if made.peak_bytes is None:
        pytest.skip("this system does not say what a process takes")
    assert made.peak_bytes > 4 * EDGES


def test_a_check_sees_that_something_else_is_read(monkeypatch):
    records.check(setting("graph_cached"))
    load, calls = kept.load, []

    def worse(of, data_root=None, on_disk=True):
        graph: Graph = load(of, data_root, on_disk)
        calls.append(on_disk)
        if on_disk:
            graph.adjacency.col[0] += 1
        return graph

    monkeypatch.setattr(kept, "load", worse)
    with pytest.raises(Wrong, match="the digest of its contents must be"):
        records.check(setting("graph_cached"))
    assert calls[-1] is False


def test_the_contents_are_all_that_is_in_the_adjacency():
    graph = kept.load(setting("graph_made"), on_disk=False)
    before = kept.contents(graph)
    graph.adjacency.rowptr[5] += 1
    assert kept.contents(graph) != before
