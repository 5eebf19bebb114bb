"""How many nodes a graph has is known before it is made, where that is so."""

import pytest

from rsc_bench.suites.graphs import GraphError, check, files, load, nodes
from rsc_bench.suites.graphs.published_ogb import GRAPHS
from rsc_bench.suites.graphs.published_pyg import SOURCE as PYG
from rsc_bench.suites.graphs.synthetic.twin_table import TWINS


@pytest.mark.parametrize("name", ["small:hub", "small:empty-rows", "twin:flickr@0.005", "twin:ogbn-arxiv@0.01"])
def test_they_are_those_of_the_graph_that_is_made(name):
    assert nodes(name, on_disk=False) == load(name).nodes


def test_of_a_whole_twin_they_are_the_published_ones():
    assert nodes("twin:ogbn-products") == 2_449_029


@pytest.mark.parametrize("name", [*PYG.names, *GRAPHS])
def test_of_a_published_graph_they_are_known_before_it_is_downloaded(name, tmp_path):
    pytest.importorskip("ogb" if name in GRAPHS else "torch", reason="ogb is not installed: pip install ogb")
    assert nodes(name, tmp_path) == (2_708 if name == "cora" else TWINS[name].nodes)
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_read_once_for_its_name_and_its_nodes_until_it_changes(tmp_path, monkeypatch):
    path = tmp_path / "net.csv"
    path.write_text("0,1\n1,2\n")
    read, times = files.load, []
    monkeypatch.setattr(files, "load", lambda *given: times.append(1) or read(*given))
    assert [check(path, on_disk=False), nodes(path, on_disk=False), nodes(path, on_disk=False)] == ["net", 3, 3]
    assert len(times) == 1
    path.write_text("0,1\n1,2\n2,3\n")
    assert nodes(path, on_disk=False) == 4
    assert len(times) == 2


def test_what_was_made_before_is_known_from_the_cache_on_disk(tmp_path, monkeypatch):
    path = tmp_path / "net.csv"
    path.write_text("0,1\n1,2\n")
    load(path)
    monkeypatch.setattr(files, "load", lambda *given: pytest.fail("it is in the cache"))
    assert nodes(path) == 3


def test_of_a_graph_that_is_not_available_there_is_none(tmp_path):
    with pytest.raises(GraphError, match="no such file"):
        nodes(tmp_path / "none.mtx")
    with pytest.raises(GraphError, match=r"a scale must lie in \(0, 1\]"):
        nodes("twin:flickr@2")
