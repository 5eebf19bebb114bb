import numpy as np
import pytest
import scipy.sparse
import torch
from made_matrices import array, jagged, same_bits

from rsc_bench.kernels import Csr

OF_NODES = "they must be valid indices of nodes, which count from 0"
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


def one_line(make):
    with pytest.raises(ValueError, match="bent") as caught:
        make()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def bent_scipy(form, **parts):
    """[[1, 0, 2], [0, 0, 0], [0, 3, 4]] in a format of SciPy, with other index arrays in the place of its own."""
    matrix = scipy.sparse.csr_matrix([[1.0, 0, 2], [0, 0, 0], [0, 3, 4]]).asformat(form)
    for name, part in parts.items():
        setattr(matrix, name, np.array(part, dtype=np.int32))
    return matrix


@pytest.mark.parametrize(("form", "parts", "message"), [
    ("csr", {"indptr": [1, 2, 2, 4]}, "bent: rowptr must start at 0 (got 1)"),
    ("csr", {"indptr": [0, 9, 2, 4]}, "bent: rowptr must not descend (got 2 after 9, at entry 2)"),
    ("csr", {"indptr": [0, 2, 2, 400]}, "bent: rowptr must end at the length of col, 4 (got 400)"),
    ("csr", {"indptr": [0, 2, 4]}, "bent: rowptr must have rows + 1 = 4 entries (got 3)"),
    ("csr", {"indices": [0, -1, 1, 2]}, "bent: column indices must lie in [0, 3) (got -1 to 2)"),
    ("csr", {"indices": [0, 2, 1]}, "bent: data must have a number for each of its 3 indices (got 4)"),
    ("csc", {"indptr": [0, 1, 900, 4]}, "bent, by columns: rowptr must not descend (got 4 after 900, at entry 3)"),
    ("csc", {"indices": [0, 70_000_000, 0, 2]}, "bent, by columns: column indices must lie in [0, 3) (got 0 to 70000000)"),
    ("bsr", {"indices": [0, 70_000_000, 0, 2]}, "bent: its blocks must be where there are some (got, in SciPy's words: "),
])  # fmt: skip
def test_a_scipy_matrix_whose_indices_lead_elsewhere_is_refused_before_scipy_reads_by_them(form, parts, message):
    matrix = bent_scipy(form, **parts)
    assert one_line(lambda: Csr.from_scipy(matrix, "bent")).startswith(message)


@pytest.mark.parametrize(("row", "col", "message"), [
    ([0, 0, 70_000_000, 2], [0, 2, 1, 2], "bent: row indices must lie in [0, 3) (got 0 to 70000000)"),
    ([0, 0, 2, 2], [0, 2, -1, 2], "bent: column indices must lie in [0, 3) (got -1 to 2)"),
])  # fmt: skip
def test_coordinates_of_scipy_and_of_torch_outside_of_the_shape_are_refused(row, col, message):
    matrix = bent_scipy("coo")
    matrix.row, matrix.col = np.array(row, dtype=np.int32), np.array(col, dtype=np.int32)
    assert one_line(lambda: Csr.from_scipy(matrix, "bent")).startswith(message)
    sparse = torch.sparse_coo_tensor(torch.tensor([row, col]), torch.ones(4), (3, 3), check_invariants=False)
    assert one_line(lambda: Csr.from_torch(sparse, "bent")).startswith(message)


FLAT = scipy.sparse.coo_array(np.ones(3))


@pytest.mark.parametrize(("matrix", "message"), [
    (np.eye(3), "bent: must be a 2-D sparse matrix of SciPy (got ndarray): scipy.sparse.csr_matrix makes one"),
    (None, "bent: must be a 2-D sparse matrix of SciPy (got None): scipy.sparse.csr_matrix makes one"),
    pytest.param(
        FLAT, "bent: must be a 2-D sparse matrix of SciPy (got shape (3,)): scipy.sparse.csr_matrix makes one",
        marks=pytest.mark.skipif(FLAT.ndim != 1, reason="SciPy before 1.13 has no sparse array of one dimension"),
    ),
])  # fmt: skip
def test_what_is_no_matrix_of_scipy_is_refused(matrix, message):
    assert one_line(lambda: Csr.from_scipy(matrix, "bent")) == message


def test_room_behind_the_last_entry_of_a_scipy_matrix_is_no_error():
    roomy = bent_scipy("csr")
    roomy.indices, roomy.data = np.append(roomy.indices, np.int32(99)), np.append(roomy.data, 9.0)
    assert array(Csr.from_scipy(roomy)).tolist() == [[1, 0, 2], [0, 0, 0], [0, 3, 4]]


def test_arrays_of_a_file_that_is_mapped_give_no_warning(recwarn):
    matrix = bent_scipy("csr")
    for part in (matrix.indptr, matrix.indices, matrix.data):
        part.flags.writeable = False
    assert array(Csr.from_scipy(matrix)).tolist() == [[1, 0, 2], [0, 0, 0], [0, 3, 4]]
    assert [str(warning.message) for warning in recwarn] == []


def torch_csr(crow, col, layout=torch.sparse_csr):
    parts = torch.tensor(crow), torch.tensor(col), torch.ones(len(col))
    return torch.sparse_compressed_tensor(*parts, (3, 3), layout=layout, check_invariants=False)


@pytest.mark.parametrize(("crow", "col", "message"), [
    ([1, 2, 2, 4], [0, 2, 1, 2], "rowptr must start at 0 (got 1)"),
    ([0, 9, 2, 4], [0, 2, 1, 2], "rowptr must not descend (got 2 after 9, at entry 2)"),
    ([0, 2**32, 2, 4], [0, 2, 1, 2], "rowptr must not descend (got 2 after 4294967296, at entry 2)"),
    ([0, 2, 2, 5], [0, 2, 1, 2], "rowptr must end at the length of col, 4 (got 5)"),
    ([0, 2, 2, 4], [0, 2, 1, 70_000_000], "column indices must lie in [0, 3) (got 0 to 70000000)"),
])  # fmt: skip
def test_a_compressed_torch_matrix_whose_indices_lead_elsewhere_is_refused(crow, col, message):
    assert one_line(lambda: Csr.from_torch(torch_csr(crow, col), "bent")).startswith(f"bent: {message}")
    by_columns = torch_csr(crow, col, torch.sparse_csc)
    assert one_line(lambda: Csr.from_torch(by_columns, "bent")).startswith(f"bent, by columns: {message}")


@pytest.mark.parametrize(("matrix", "message"), [
    (np.eye(3), "bent: must be a torch tensor (got ndarray): Csr.from_scipy takes matrices of SciPy"),
    (torch.ones(3), "bent: must be 2-D, with one number an entry (got shape (3,))"),
    (torch.ones(2, 2, 2).to_sparse(), "bent: must be 2-D, with one number an entry (got shape (2, 2, 2))"),
    (torch.ones(2, 2).to_sparse(1), "bent: must be 2-D, with one number an entry (got shape (2, 2))"),
])  # fmt: skip
def test_what_is_no_matrix_of_torch_is_refused(matrix, message):
    assert one_line(lambda: Csr.from_torch(matrix, "bent")) == message


@pytest.mark.filterwarnings("ignore:Sparse BSR tensor support is in beta")
def test_a_torch_matrix_of_blocks_is_refused_with_what_takes_it_apart():
    message = "bent: must be of layout CSR, CSC or COO (got sparse_bsr): give matrix.to_sparse_csr()"
    assert one_line(lambda: Csr.from_torch(torch.eye(4).to_sparse_bsr((2, 2)), "bent")) == message


@pytest.mark.parametrize(("edges", "given", "message"), [
    (EDGES.T, {}, "bent: edge_index must be a tensor of shape (2, edges), sources above targets (got shape (3, 2))"),
    (EDGES[0], {}, "bent: edge_index must be a tensor of shape (2, edges), sources above targets (got shape (3,))"),
    (EDGES.numpy(), {}, "bent: edge_index must be a tensor of shape (2, edges), sources above targets (got ndarray)"),
    (EDGES.float(), {}, "bent: targets of edge_index must hold integers (got float32): convert it with .long()"),
    (EDGES > 0, {}, "bent: targets of edge_index must hold integers (got bool): convert it with .long()"),
    (EDGES, {"value": torch.ones(4)}, "bent: value must have one entry an edge, 3 (got 4)"),
    (EDGES, {"value": torch.ones(3, 1)}, "bent: value must be 1-D (got shape (3, 1))"),
    (EDGES, {"nodes": 3.0}, "bent: shape must be two whole numbers, (rows, columns) (got (3.0, 3.0))"),
    (EDGES, {"nodes": 2}, f"bent: edge_index must lie in [0, 2) for its targets (got 1 to 2): {OF_NODES}"),
])  # fmt: skip
def test_what_is_no_edge_index_is_refused(edges, given, message):
    assert one_line(lambda: Csr.from_edge_index(edges, name="bent", **given)) == message


@pytest.mark.parametrize("dtype", [torch.int16, torch.int32, torch.uint8, torch.uint16])
def test_edges_of_any_integer_dtype_give_the_same_matrix(dtype):
    assert same_bits(Csr.from_edge_index(EDGES.to(dtype), 3), Csr.from_edge_index(EDGES, 3))


def test_targets_and_sources_of_edges_are_as_many():
    with pytest.raises(ValueError, match=r"matrix: edge_index must have a source for each of its 2 targets \(got 1\)"):
        Csr.from_edges(torch.tensor([0, 1]), torch.tensor([0]), (2, 2))
