"""What is said of a graph when it is loaded."""

import numpy as np
import pytest
import scipy.sparse
import torch
from scipy.sparse.csgraph import connected_components

from rsc_bench.kernels import Csr
from rsc_bench.suites.graphs import Graph, GraphStore, load
from rsc_bench.suites.graphs.graph import Facts, Reading
from rsc_bench.suites.spmm.store import Store
from rsc_bench.suites.terminal.progress import Progress


def test_the_line_says_everything_in_one_line():
    facts = Facts("mine", 1_000, 5_002, 2, 3, False, True, 1, 4, 16, 7, Reading(2_504, 3, 2_500, 1, 2))
    assert facts.text() == (
        "graph mine: 1,000 nodes, 5,002 edges (non-zeros), 2 self-loops, 3 repeated, undirected, weighted, 1 isolated node, "
        "4 components, 16 features, 7 classes; read from 2,504 entries: 3 repeated (their weights summed), 2,500 added to go both "
        "ways, 1 of weight 0, 2 of a weight too small for float32, now 0"
    )


def test_a_file_that_is_read_as_it_stands_says_no_more(tmp_path):
    scipy.sparse.save_npz(tmp_path / "g.npz", scipy.sparse.csr_matrix([[0, 1, 0], [1, 0, 0], [0, 0, 1]]))
    assert load(tmp_path / "g.npz").facts.text() == (
        "graph g: 3 nodes, 3 edges (non-zeros), 1 self-loop, 0 repeated, undirected, unweighted, 1 isolated node, 2 components, "
        "0 features, 0 classes"
    )


@pytest.mark.parametrize("name", ["small:random", "small:hub", "small:empty-rows", "small:directed"])
def test_the_facts_are_those_of_the_adjacency(name):
    graph = load(name)
    matrix, facts = graph.adjacency.to_scipy(), graph.facts
    linked = (abs(matrix) + abs(matrix.T)).tolil()  # whose diagonal every SciPy sets without a warning
    linked.setdiag(0)
    assert facts.components == connected_components(matrix, directed=False)[0]
    assert facts.isolated == int((np.asarray(linked.sum(axis=1)) == 0).sum())
    assert (facts.nodes, facts.edges, facts.self_loops) == (graph.nodes, matrix.nnz, int((matrix.diagonal() != 0).sum()))
    assert (facts.directed, facts.weighted, facts.features, facts.classes) == (graph.directed, False, 16, 4)
    assert facts.reading is None


def test_directed_edges_connect_whichever_way_they_go():
    one_way = Csr.from_scipy(scipy.sparse.csr_matrix([[0, 1, 0], [0, 0, 0], [0, 1, 0]]), weighted=False)
    assert Graph("g", one_way, True, 0, "accuracy").facts.components == 1


def test_an_edge_that_stands_twice_in_an_adjacency_is_repeated():
    twice = Csr.from_edge_index(torch.tensor([[0, 0, 1], [1, 1, 0]]))
    assert Graph("g", twice, True, 0, "accuracy").facts.repeated == 1


def test_an_edge_index_has_the_source_of_each_edge_first_and_stays_one_object():
    graph = Graph(
        "made", Csr.from_edge_index(torch.tensor([[0, 0, 1], [1, 2, 2]])), directed=True, classes=0, metric_name="accuracy"
    )
    assert graph.edge_index.tolist() == [[0, 0, 1], [1, 2, 2]]
    assert graph.edge_index.dtype is torch.int64
    assert graph.edge_index is graph.edge_index


def test_features_are_not_made_to_be_counted():
    graph = load("twin:flickr@0.01")
    assert graph.facts.features == 500
    assert "features" not in vars(graph)
    assert "features not made yet" in Graph("g", graph.adjacency, False, 0, "accuracy", make_features=lambda: None).facts.text()
    made = Graph("g", graph.adjacency, False, 0, "accuracy", make_features=lambda: torch.zeros(graph.nodes, 3))
    assert made.features.shape[1] == made.facts.features


def test_a_graph_in_another_order_is_the_same_graph(tmp_path):
    path = tmp_path / "g.csv"
    path.write_text("0,1\n0,1\n1,2\n4,4\n")
    store = GraphStore()
    assert store.load(path, reorder="degree").facts == store.load(path).facts


def test_a_run_is_told_of_each_graph_once_and_says_so_before_the_first_case(tmp_path):
    lines = []
    store, progress = Store(), Progress(2, lines.append)  # another process has another store, and tells the same progress
    store.loaded = progress.loaded
    for name in ("small:hub", "small:random", "small:hub"):
        store.graph(name)
    store.graph("small:hub", "degree")
    assert lines == [], "a test runs, and has the terminal"
    progress.flush()
    progress.flush()
    assert lines == [load("small:hub").facts.text(), load("small:random").facts.text()]
