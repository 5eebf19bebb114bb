"""Repeated edges, self-loops, direction and weights mean the same in every format."""

import numpy as np
import pytest
import scipy.io
import scipy.sparse

from rsc_bench.suites.graphs import GraphError, load

BANNER = "%%MatrixMarket matrix coordinate {} {}\n"


def dense(graph):
    return graph.adjacency.to_scipy().toarray().tolist()


def coo(nodes, *entries):
    """A COO matrix with each (row, column, value) as it is listed."""
    row, col, value = np.array(entries, dtype=np.float64).reshape(-1, 3).T
    return scipy.sparse.coo_matrix((value, (row.astype(int), col.astype(int))), shape=(nodes, nodes))


def as_mtx(path, matrix):
    lines = [f"{row + 1} {col + 1} {value!r}" for row, col, value in zip(matrix.row, matrix.col, matrix.data.tolist(), strict=True)]
    path = path.with_suffix(".mtx")
    path.write_text(BANNER.format("real", "general") + f"{matrix.shape[0]} {matrix.shape[1]} {matrix.nnz}\n" + "\n".join(lines))
    return path


def as_npz(path, matrix):
    path = path.with_suffix(".npz")
    scipy.sparse.save_npz(path, matrix)
    return path


def as_attributed(path, matrix):
    """CSR, by hand: SciPy would sum what is listed twice."""
    order = np.argsort(matrix.row, kind="stable")
    indptr = np.concatenate([[0], np.bincount(matrix.row, minlength=matrix.shape[0]).cumsum()])
    path = path.with_name(f"{path.name}_attributed.npz")
    np.savez(path, adj_data=matrix.data[order], adj_indices=matrix.col[order], adj_indptr=indptr, adj_shape=matrix.shape)
    return path


def as_csv(path, matrix):
    path = path.with_suffix(".csv")
    path.write_text("".join(f"{row},{col}\n" for row, col in zip(matrix.row, matrix.col, strict=True)))
    return path


def as_mat(path, matrix):
    path = path.with_suffix(".mat")
    nodes = matrix.shape[0]
    scipy.io.savemat(path, {"A": matrix.tocsc(), "local_info": np.ones((nodes, 2), np.uint8)})
    return path


WITH_VALUES = [as_mtx, as_npz, as_attributed]
ALL = [*WITH_VALUES, as_csv]


@pytest.mark.parametrize("write", ALL)
def test_an_edge_that_is_listed_again_is_the_same_edge_where_there_are_no_weights(tmp_path, write):
    graph = load(write(tmp_path / "g", coo(3, (0, 1, 1), (0, 1, 1), (0, 1, 1), (1, 0, 1), (1, 2, 1), (2, 1, 1))))
    assert dense(graph) == [[0, 1, 0], [1, 0, 1], [0, 1, 0]]
    assert graph.adjacency.value is None
    assert (graph.facts.repeated, graph.facts.edges, graph.directed) == (2, 4, False)
    assert "read from 6 entries: 2 repeated (counted once)" in graph.facts.text()


@pytest.mark.parametrize("write", WITH_VALUES)
def test_the_weights_of_an_edge_that_is_listed_again_are_summed(tmp_path, write):
    graph = load(write(tmp_path / "g", coo(3, (0, 1, 0.5), (0, 1, 2), (1, 0, 2.5), (1, 2, 1), (2, 1, 1))))
    assert dense(graph) == [[0, 2.5, 0], [2.5, 0, 1], [0, 1, 0]]
    assert (graph.facts.repeated, graph.directed, graph.facts.weighted) == (1, False, True)
    assert "1 repeated (their weights summed)" in graph.facts.text()


def test_a_pattern_file_is_without_weights_also_where_it_lists_an_edge_twice(tmp_path):
    path = tmp_path / "patdup.mtx"
    path.write_text(BANNER.format("pattern", "general") + "3 3 4\n1 2\n1 2\n2 3\n3 1\n")
    graph = load(path)
    assert dense(graph) == [[0, 1, 0], [0, 0, 1], [1, 0, 0]]
    assert graph.adjacency.value is None


@pytest.mark.parametrize("write", [*ALL, as_mat])
def test_self_loops_stay_as_they_are_listed(tmp_path, write):
    graph = load(write(tmp_path / "g", coo(3, (0, 0, 1), (0, 1, 1), (1, 0, 1), (2, 2, 1))))
    assert dense(graph) == [[1, 1, 0], [1, 0, 0], [0, 0, 1]]
    assert graph.facts.self_loops == 2
    assert graph.facts.isolated == 1, "a loop links a node to no other"


@pytest.mark.parametrize("write", [as_attributed, as_csv])
def test_a_format_without_direction_is_made_symmetric(tmp_path, write):
    graph = load(write(tmp_path / "g", coo(3, (0, 1, 1), (1, 0, 1), (2, 1, 1), (2, 2, 1))))
    assert dense(graph) == [[0, 1, 0], [1, 0, 1], [0, 1, 1]]
    assert not graph.directed
    assert graph.facts.text().endswith("read from 4 entries: 1 added to go both ways")


@pytest.mark.parametrize("write", [as_mtx, as_npz, as_mat])
def test_a_matrix_is_what_it_lists_and_is_called_directed_where_that_is_not_symmetric(tmp_path, write):
    graph = load(write(tmp_path / "g", coo(3, (0, 1, 1), (1, 0, 1), (2, 1, 1))))
    assert dense(graph) == [[0, 1, 0], [1, 0, 0], [0, 1, 0]]
    assert graph.directed
    assert graph.facts.text().endswith("0 classes") or write is as_mat


def test_weights_without_a_direction_go_both_ways(tmp_path):
    graph = load(as_attributed(tmp_path / "g", coo(3, (0, 1, 1e-9), (1, 0, 1e-9), (1, 2, 2e9))))
    assert dense(graph) == [[0, np.float32(1e-9), 0], [np.float32(1e-9), 0, 2e9], [0, 2e9, 0]]
    assert not graph.directed


def test_an_edge_with_another_weight_each_way_makes_a_graph_directed_and_none_of_it_is_lost(tmp_path):
    graph = load(as_attributed(tmp_path / "g", coo(3, (0, 1, 1e-9), (1, 0, 1e9), (1, 2, 2))))
    assert dense(graph) == [[0, np.float32(1e-9), 0], [1e9, 0, 2], [0, 0, 0]]
    assert graph.directed


def test_true_is_one_and_no_edge_of_a_boolean_matrix_vanishes(tmp_path):
    path = as_attributed(tmp_path / "g", coo(3, (0, 1, 1), (1, 0, 1), (1, 1, 1), (1, 2, 1)))
    with np.load(path) as found:
        np.savez(path, **{**found, "adj_data": found["adj_data"].astype(bool)})
    graph = load(path)
    assert dense(graph) == [[0, 1, 0], [1, 1, 1], [0, 1, 0]]
    assert graph.adjacency.value is None


@pytest.mark.parametrize("write", WITH_VALUES)
@pytest.mark.parametrize(
    ("values", "rule"),
    [
        ((1e300, 1e300), r"at most 3.4e38 in size, as float32 is \(got 1e\+300\)"),
        ((-1e39, -1e39), r"at most 3.4e38 in size"),
        ((3e38, 3e38, 3e38, 3e38), r"at most 3.4e38 in size, as float32 is \(got 6e\+38\)"),
        ((1e-60, 1e-60), r"not every value may be zero in float32 \(got 1e-60 at most\)"),
        ((1.5, 1.5, -1.5, -1.5), r"not every value may be zero in float32 \(got 0 at most\)"),
        ((3e38, 1), r"largest value must be from 1e-30 to 1e\+30 in size, .* \(got 3e\+38\)"),
        ((1e-42, 1e-42), r"largest value must be from 1e-30 to 1e\+30 in size"),
        ((0, 0), r"not every value may be zero in float32"),
    ],
)
def test_values_that_float32_cannot_hold_are_refused(tmp_path, write, values, rule):
    entries = [((0, 1, value), (1, 0, value))[index % 2] for index, value in enumerate(values)]
    with pytest.raises(GraphError, match=rule):
        load(write(tmp_path / "g", coo(2, *entries)))


@pytest.mark.parametrize("write", WITH_VALUES)
def test_an_entry_of_value_zero_is_an_edge_and_one_too_small_is_said(tmp_path, write):
    graph = load(write(tmp_path / "g", coo(3, (0, 1, 0), (1, 0, 0), (1, 2, 1e-60), (2, 1, 1e-60), (0, 2, 2), (2, 0, 2))))
    assert (graph.edges, graph.directed) == (6, False)
    assert graph.facts.text().endswith("read from 6 entries: 2 of weight 0, 2 of a weight too small for float32, now 0")


def test_an_edge_of_value_zero_that_goes_one_way_makes_a_matrix_directed(tmp_path):
    assert load(as_npz(tmp_path / "g", coo(3, (0, 1, 0), (1, 2, 2), (2, 1, 2)))).directed


@pytest.mark.parametrize("write", [as_mtx, as_npz, as_csv])
def test_what_one_number_in_a_small_file_may_cost_is_bounded(tmp_path, write):
    path = write(tmp_path / "g", coo(2**28, (0, 2**28 - 1, 1)))
    most = 2**20 + 64 + path.stat().st_size
    with pytest.raises(GraphError, match=rf"1 listed edges may have at most {most:,} nodes in such a file \(got 268,435,456\)"):
        load(path)


def test_offsets_of_nodes_without_edges_are_there_where_they_are_not_packed_to_nothing(tmp_path):
    path = as_attributed(tmp_path / "g", coo(2**21, (0, 1, 1)))
    assert load(path).nodes == 2**21
    with np.load(path) as found:
        np.savez_compressed(path, **found)
    with pytest.raises(GraphError, match="1 listed edges may have at most"):
        load(path)
