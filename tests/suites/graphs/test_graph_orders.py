import numpy as np
import pytest
import torch

from rsc_bench.kernels import Csr
from rsc_bench.plugins import load as load_plugins
from rsc_bench.suites import graphs
from rsc_bench.suites.graphs import Graph, GraphError, Masks
from rsc_bench.suites.graphs.orders import Order, community, degree, rcm
from rsc_bench.suites.graphs.reordering import order_of, reordered

FOUND = load_plugins("order")
SMALL = ("small:random", "small:hub", "small:empty-rows", "small:directed")


def graph(entries, nodes, value=None, **parts):
    """A graph whose node i gathers from node j for each (i, j), in row order."""
    rows, columns = zip(*entries, strict=True)
    rowptr = torch.from_numpy(np.searchsorted(rows, np.arange(nodes + 1))).int()
    matrix = Csr(rowptr, torch.tensor(columns, dtype=torch.int32), value, (nodes, nodes), "made")
    parts = {"directed": True, "classes": 0, "metric_name": "accuracy"} | parts
    return Graph("made", matrix, **parts)


def both_ways(pairs):
    return sorted({*pairs, *((j, i) for i, j in pairs)})


def order(*nodes):
    return torch.tensor(nodes)


def dense(matrix):
    return matrix.to_scipy().toarray()


@pytest.fixture(params=[pytest.param(name, id=name) for name in FOUND])
def name(request):
    reason = FOUND[request.param].missing()
    return pytest.skip(reason) if reason else request.param


def test_an_entry_stands_between_the_same_nodes_under_their_new_numbers():
    made = graph([(0, 1), (0, 2), (2, 0)], 3, torch.tensor([1.0, 2.0, 3.0]))
    found = reordered(made, order(2, 0, 1)).adjacency
    # node 0 of the new graph is node 2 of the old one, and so on: (0, 1) -> (1, 2), (0, 2) -> (1, 0), (2, 0) -> (0, 1)
    assert dense(found).tolist() == [[0, 3, 0], [2, 0, 1], [0, 0, 0]]


def test_columns_ascend_within_a_row_and_indices_stay_int32():
    found = reordered(graph([(0, 0), (0, 1), (0, 2), (1, 0)], 3), order(2, 1, 0)).adjacency
    assert found.col.tolist() == [2, 0, 1, 2]
    assert found.rowptr.tolist() == [0, 0, 1, 4]
    assert found.col.dtype is found.rowptr.dtype is torch.int32
    assert found.value is None


def test_an_edge_that_is_stored_twice_stays_stored_twice():
    found = reordered(graph([(0, 1), (0, 1), (1, 0)], 2), order(1, 0)).adjacency
    assert (found.nnz, found.row_nnz.tolist()) == (3, [1, 2])


def test_features_labels_and_split_go_with_their_node():
    mask = torch.tensor([True, False, False])
    parts = {
        "make_features": lambda: torch.tensor([[0.0], [1.0], [2.0]]),
        "make_labels": lambda: torch.tensor([10, 11, 12]),
        "make_masks": lambda: Masks(mask, mask.roll(1), mask.roll(2)),
    }
    found = reordered(graph([(0, 1)], 3, **parts), order(2, 0, 1))
    assert found.features.tolist() == [[2.0], [0.0], [1.0]]
    assert found.labels.tolist() == [12, 10, 11]
    assert [mask.nonzero().item() for mask in (found.masks.train, found.masks.val, found.masks.test)] == [1, 2, 0]


def test_a_random_split_has_the_same_nodes_in_any_order():
    made = graphs.load("small:random")
    turned = torch.arange(made.nodes).flip(0)
    found = reordered(made, turned)
    assert torch.equal(found.masks.train, made.masks.train.flip(0))
    assert torch.equal(found.masks.test, made.masks.test.flip(0))


def test_what_a_graph_does_not_have_it_does_not_have_in_another_order():
    found = reordered(graph([(0, 1)], 2), order(1, 0))
    assert found.features is found.labels is None


@pytest.mark.parametrize("small", SMALL)
def test_an_order_has_each_node_once_and_is_the_same_each_time(name, small):
    made = graphs.load(small)
    found = order_of(made, name)
    assert found.sort().values.tolist() == list(range(made.nodes))
    assert torch.equal(order_of(made, name), found)


@pytest.mark.parametrize("small", SMALL)
def test_the_product_is_that_of_the_source_with_its_rows_reordered(name, small):
    made, found = graphs.load(small), graphs.load(small, reorder=name)
    operand = np.random.default_rng(0).standard_normal((made.nodes, 3))
    wanted = made.adjacency.gcn().to_scipy() @ operand
    assert np.allclose(found.adjacency.gcn().to_scipy() @ operand[found.order], wanted[found.order], rtol=1e-6)


def test_by_degree_the_node_that_most_rows_gather_comes_first():
    made = graph([(0, 1), (1, 2), (2, 1), (3, 1), (3, 2)], 4)  # columns 0 to 3 have 0, 3, 2 and 0 entries
    assert degree.compute(made).tolist() == [1, 2, 0, 3]


def test_rcm_brings_the_ends_of_a_path_to_the_ends():
    path = both_ways([(0, 3), (3, 1), (1, 4), (4, 2)])
    found = reordered(graph(path, 5, directed=False), torch.from_numpy(rcm.compute(graph(path, 5, directed=False)).copy()).long())
    rows, columns = dense(found.adjacency).nonzero()
    assert np.abs(rows - columns).max() == 1, "a path has bandwidth 1 (Cuthill and McKee, 1969)"


def test_by_community_two_cliques_that_are_mixed_up_come_apart():
    pytest.importorskip("sknetwork", reason="scikit-network is not installed: pip install scikit-network")
    even, odd = range(0, 8, 2), range(1, 8, 2)
    cliques = [(i, j) for side in (even, odd) for i in side for j in side if i < j]
    found = community.compute(graph(both_ways([*cliques, (0, 1)]), 8, directed=False)).tolist()
    assert {frozenset(found[:4]), frozenset(found[4:])} == {frozenset(even), frozenset(odd)}
    assert {found[0], found[4]} == {0, 1}, "the two that also link across have the highest degree of their community"


def test_a_graph_in_another_order_is_kept_and_has_another_digest():
    made, found = graphs.load("small:hub"), graphs.load("small:hub", reorder="degree")
    assert found is graphs.load("small:hub", reorder="degree")
    assert (found.name, found.edges) == (made.name, made.edges)
    assert made.order is None
    assert found.digest != made.digest


def test_an_unknown_order_names_the_nearest():
    with pytest.raises(GraphError, match=r"^order 'degre' is not known: nearest is degree$"):
        graphs.check_order("degre")


def test_an_order_without_its_package_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(community, "find_spec", lambda name: None)
    with pytest.raises(GraphError, match=r"^order 'community' is not available: sknetwork is not installed: pip install \S+orders"):
        graphs.check_order("community")


@pytest.mark.parametrize("each", FOUND.values(), ids=list(FOUND))
def test_an_order_says_what_it_is(each):
    assert isinstance(each, Order)
    assert each.summary.endswith(".")
