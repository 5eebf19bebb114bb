import pytest

pytest.importorskip("hypothesis", reason="hypothesis is not installed: pip install hypothesis")

import numpy as np
import scipy.sparse
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from made_matrices import array, jagged, same_bits, without_entries

from rsc_bench.kernels import Csr, checked

SEEDS = st.integers(0, 2**32 - 1)


def random_matrix(seed, weighted=True):
    generator = np.random.default_rng(seed)
    shape = generator.integers(1, 8, 2)
    entries = np.where(generator.random(shape) < 0.4, generator.random(shape), 0)
    return Csr.from_scipy(scipy.sparse.csr_array(entries), "random", weighted)


def test_row_offsets_of_the_wrong_length_are_refused():
    with pytest.raises(ValueError, match=r"bent: rowptr must have rows \+ 1 = 3 entries \(got 2\)"):
        Csr(torch.tensor([0, 1]), torch.tensor([0]), None, (2, 2), "bent")


def test_values_that_do_not_match_the_entries_are_refused():
    with pytest.raises(ValueError, match=r"bent: value must have one entry a non-zero, 1 \(got 2\)"):
        Csr(torch.tensor([0, 1]), torch.tensor([0]), torch.ones(2), (1, 1), "bent")


@settings(max_examples=25, deadline=None)
@given(SEEDS, st.booleans())
def test_counts_and_norms_are_those_of_the_full_matrix(seed, weighted):
    matrix = random_matrix(seed, weighted)
    full = array(matrix)
    assert matrix.nnz == np.count_nonzero(full)
    assert matrix.row_nnz.tolist() == np.count_nonzero(full, axis=1).tolist()
    assert matrix.column_nnz.tolist() == np.count_nonzero(full, axis=0).tolist()
    np.testing.assert_allclose(matrix.row_norms, np.linalg.norm(full, axis=1), rtol=1e-6)
    np.testing.assert_allclose(matrix.column_norms, np.linalg.norm(full, axis=0), rtol=1e-6)
    assert matrix.row_norms.dtype == matrix.column_norms.dtype == torch.float32


@settings(max_examples=25, deadline=None)
@given(SEEDS, st.booleans())
def test_the_transpose_is_the_transpose_with_ascending_columns(seed, weighted):
    matrix = random_matrix(seed, weighted)
    other = matrix.transpose()
    np.testing.assert_array_equal(array(other), array(matrix).T)
    assert other.to_scipy().has_canonical_format
    assert (other.value is None) == (not weighted)


def test_the_transpose_is_made_once_and_is_its_own_inverse():
    matrix = jagged()
    assert matrix.transpose() is matrix.transpose()
    assert matrix.transpose().transpose() is matrix
    assert matrix.transpose().name == "jaggedᵀ"


def test_mean_divides_each_row_by_its_number_of_entries():
    matrix = Csr.from_scipy(scipy.sparse.csr_matrix([[1, 1, 1, 1], [0, 0, 0, 0], [0, 1, 1, 0]]), weighted=False)
    assert array(matrix.mean()).tolist() == [[0.25] * 4, [0] * 4, [0, 0.5, 0.5, 0]]


def test_mean_of_a_weighted_matrix_divides_the_values():
    matrix = Csr.from_scipy(scipy.sparse.csr_matrix([[3.0, 5.0], [0, 7.0]]))
    assert array(matrix.mean()).tolist() == [[1.5, 2.5], [0, 7.0]]


def test_gcn_is_the_normalised_adjacency_off_its_diagonal():
    # A path 0 - 1 - 2 with a loop on 2. Off the diagonal each row counts 1, 2, 1 links, with the loop of A + I 2, 3, 2:
    # so both links weigh 1 / sqrt(2 * 3).
    path = Csr.from_scipy(scipy.sparse.csr_matrix([[0, 1, 0], [1, 0, 1], [0, 1, 1]]), weighted=False)
    link = 6**-0.5
    np.testing.assert_allclose(array(path.gcn()), [[0, link, 0], [link, 0, link], [0, link, 0]], rtol=1e-7)


@settings(max_examples=15, deadline=None)
@given(SEEDS)
def test_gcn_with_its_diagonal_is_the_formula(seed):
    generator = np.random.default_rng(seed)
    linked = np.triu(generator.random((6, 6)) < 0.4, 1)
    adjacency = (linked | linked.T).astype(float)
    degree = adjacency.sum(1) + 1
    expected = (adjacency + np.eye(6)) / np.sqrt(np.outer(degree, degree))
    found = Csr.from_scipy(scipy.sparse.csr_matrix(adjacency), weighted=False).gcn()
    np.testing.assert_allclose(array(found) + np.diag(1 / degree), expected, atol=1e-7)


@pytest.mark.parametrize("weighted", [True, False])
def test_without_diagonal_drops_the_diagonal_only(weighted):
    matrix = jagged(weighted)
    expected = array(matrix)
    expected[np.arange(9), np.arange(9)] = 0
    np.testing.assert_array_equal(array(matrix.without_diagonal()), expected)
    assert (matrix.without_diagonal().value is None) == (not weighted)


@pytest.mark.parametrize("weighted", [True, False])
def test_scaling_multiplies_rows_or_columns(weighted):
    matrix = jagged(weighted)
    by_row, by_column = torch.arange(13.0), torch.arange(9.0)
    np.testing.assert_allclose(array(matrix.scale_rows(by_row)), array(matrix) * by_row.numpy()[:, None])
    np.testing.assert_allclose(array(matrix.scale_columns(by_column)), array(matrix) * by_column.numpy())
    assert matrix.scale_rows(by_row).value.dtype == torch.float32


def test_a_matrix_on_its_device_already_is_not_copied():
    matrix = jagged()
    assert matrix.to("cpu") is matrix


@pytest.mark.parametrize("shape", [(3, 5), (0, 4), (4, 0), (0, 0)])
def test_a_matrix_without_entries_can_do_everything(shape):
    matrix, square = without_entries(*shape), without_entries(4, 4)
    assert matrix.transpose().shape == shape[::-1]
    assert matrix.row_norms.tolist() == [0] * shape[0]
    assert matrix.column_norms.tolist() == [0] * shape[1]
    for made in (matrix.mean(), matrix.without_diagonal()):
        assert (made.nnz, made.shape) == (0, shape)
    assert (square.gcn().nnz, square.gcn().shape) == (0, (4, 4))


def test_the_normalised_adjacency_of_no_adjacency_is_refused():
    with pytest.raises(
        ValueError, match=r"jagged: gcn\(\) must be of a square matrix \(got \(13, 9\)\): its nodes are rows and columns"
    ):
        jagged().gcn()


def test_row_offsets_are_int64_where_int32_does_not_hold_them(monkeypatch):
    assert jagged().transpose().rowptr.dtype == torch.int32
    monkeypatch.setattr(checked, "INT32_MAX", 20)
    matrix = jagged()
    assert matrix.nnz > 20
    assert matrix.rowptr.dtype == matrix.transpose().rowptr.dtype == torch.int64
    assert matrix.col.dtype == torch.int32


def test_matrices_of_the_same_parts_are_the_same_to_the_bit():
    assert same_bits(jagged(), jagged())
    assert not same_bits(jagged(), jagged(weighted=False))
