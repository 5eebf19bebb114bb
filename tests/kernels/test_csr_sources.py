import numpy as np
import pytest
import scipy.sparse
import torch
from made_matrices import array, jagged, same_bits

from rsc_bench.kernels import Csr

EDGES = torch.tensor([[0, 0, 1], [1, 2, 2]])  # 0 -> 1, 0 -> 2, 1 -> 2


def test_scipy_duplicates_are_summed_and_columns_sorted():
    messy = scipy.sparse.csr_matrix((np.array([1.0, 2.0, 4.0]), np.array([2, 0, 2]), np.array([0, 3])), shape=(1, 3))
    found = Csr.from_scipy(messy, "messy")
    assert (found.col.tolist(), found.value.tolist()) == ([0, 2], [2.0, 5.0])
    assert messy.indices.tolist() == [2, 0, 2], "what was given stays as it was"


@pytest.mark.parametrize("form", ["coo", "csc", "lil"])
def test_any_scipy_format_gives_the_same_matrix(form):
    assert same_bits(Csr.from_scipy(jagged().to_scipy().asformat(form)), jagged())


def test_scipy_values_can_be_dropped():
    assert Csr.from_scipy(jagged().to_scipy(), weighted=False).value is None


def test_a_scipy_matrix_with_a_column_out_of_range_is_refused():
    bent = scipy.sparse.csr_matrix([[0.0, 1.0]])
    bent.indices[0] = 5
    with pytest.raises(ValueError, match=r"bent: column indices must lie in \[0, 2\) \(got 5 to 5\)"):
        Csr.from_scipy(bent, "bent")


def test_more_columns_than_int32_has_numbers_for_are_refused():
    wide = scipy.sparse.csr_matrix(([1.0], [3], [0, 1]), shape=(1, 2**31))
    with pytest.raises(ValueError, match=r"wide: columns must be at most 2147483647 \(got 2147483648\)"):
        Csr.from_scipy(wide, "wide")


@pytest.mark.parametrize("layout", [torch.sparse_csr, torch.sparse_coo, torch.sparse_csc])
def test_any_torch_layout_gives_the_same_matrix(layout):
    full = torch.from_numpy(array(jagged())).float()
    sparse = full.to_sparse(layout=layout)
    found = Csr.from_torch(sparse, "jagged")
    assert same_bits(found, jagged())


def test_an_uncoalesced_torch_matrix_is_summed():
    sparse = torch.sparse_coo_tensor(torch.tensor([[0, 0], [1, 1]]), torch.tensor([1.0, 2.0]), (1, 2), check_invariants=True)
    assert array(Csr.from_torch(sparse)).tolist() == [[0, 3]]


def test_a_torch_csr_with_a_column_out_of_range_is_refused():
    bent = torch.sparse_csr_tensor(torch.tensor([0, 1]), torch.tensor([4]), torch.ones(1), (1, 2), check_invariants=False)
    with pytest.raises(ValueError, match="bent: column indices must lie in"):
        Csr.from_torch(bent, "bent")


def test_an_edge_stands_in_the_row_of_its_target():
    assert array(Csr.from_edge_index(EDGES)).tolist() == [[0, 0, 0], [1, 0, 0], [1, 1, 0]]


def test_edge_values_follow_their_edges_whatever_their_order():
    order = torch.tensor([2, 0, 1])
    found = Csr.from_edge_index(EDGES[:, order], value=torch.tensor([1.0, 2.0, 3.0])[order])
    assert array(found).tolist() == [[0, 0, 0], [1, 0, 0], [2, 3, 0]]
    assert found.to_scipy().has_sorted_indices


def test_nodes_without_edges_are_kept_by_their_number():
    assert Csr.from_edge_index(EDGES, nodes=5).shape == (5, 5)


def test_repeated_edges_stay_repeated():
    assert Csr.from_edge_index(torch.tensor([[0, 0], [1, 1]])).nnz == 2


@pytest.mark.parametrize(("edges", "found"), [([[0, 3], [1, 0]], "0 to 3"), ([[0, -1], [1, 0]], "-1 to 0")])
def test_an_edge_to_no_node_is_refused(edges, found):
    with pytest.raises(ValueError, match=rf"bent: edge_index must lie in \[0, 3\) for its sources \(got {found}\)"):
        Csr.from_edge_index(torch.tensor(edges), nodes=3, name="bent")


@pytest.mark.parametrize("nodes", [None, 0, 3])
def test_no_edges_make_a_matrix_without_entries(nodes):
    found = Csr.from_edge_index(torch.zeros(2, 0, dtype=torch.int64), nodes)
    assert (found.nnz, found.shape) == (0, (nodes or 0, nodes or 0))
