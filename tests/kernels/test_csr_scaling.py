import numpy as np
import pytest
import scipy.sparse
import torch
from made_matrices import array, jagged

from rsc_bench.kernels import Csr
from rsc_bench.kernels.csr import Scaling

BY_ROW, BY_COLUMN = torch.arange(1.0, 14.0), torch.arange(1.0, 10.0) / 7


def square():
    """A path 0 - 1 - 2 with a loop on 2."""
    return Csr.from_scipy(scipy.sparse.csr_matrix([[0, 1, 0], [1, 0, 1], [0, 1, 1]]), "path", weighted=False)


def scaled():
    """``diag(BY_ROW) @ pattern @ diag(BY_COLUMN)``."""
    return jagged(weighted=False).scale_rows(BY_ROW).scale_columns(BY_COLUMN)


def assert_separable(matrix, expected):
    """The values are those expected, and what the scaling says: each is rounded to float32 once."""
    assert matrix.entries is None
    assert matrix.scaling is not None
    np.testing.assert_allclose(array(matrix), expected, rtol=2**-24)


def test_scaling_a_pattern_keeps_a_factor_a_row_and_one_a_column():
    matrix = scaled()
    assert_separable(matrix, array(jagged(weighted=False)) * np.outer(BY_ROW.double(), BY_COLUMN.double()))
    assert matrix.scaling.rows.tolist() == BY_ROW.tolist()
    assert matrix.value.dtype is torch.float32


def tensors_of(matrix):
    return {name for name, part in vars(matrix).items() if isinstance(part, torch.Tensor)}


@pytest.mark.parametrize("read", [lambda matrix: matrix.value, Csr.to_scipy, Csr.values64, Csr.with_entries])
def test_values_of_a_scaling_are_made_anew_and_none_stay_behind(read):
    matrix = scaled()
    _ = matrix.row_nnz
    before = tensors_of(matrix)
    read(matrix)
    assert tensors_of(matrix) == before, "they would be memory of the kernel that asked first, and of no other"
    assert matrix.value is not matrix.value


def test_values_that_were_given_are_not_copied():
    matrix = jagged()
    assert matrix.value is matrix.entries
    assert matrix.with_entries() is matrix


def test_a_matrix_says_that_its_values_are_ones_without_making_any():
    assert jagged(weighted=False).all_ones
    assert not jagged().all_ones
    assert not scaled().all_ones


def test_a_scaling_is_traded_for_the_same_values_one_a_non_zero():
    matrix = scaled().with_entries()
    assert matrix.scaling is None
    np.testing.assert_array_equal(array(matrix), array(scaled()))
    np.testing.assert_array_equal(array(matrix.transpose()), array(scaled()).T)


def test_scaling_twice_multiplies_the_factors():
    twice = scaled().scale_columns(BY_COLUMN)
    assert torch.equal(twice.scaling.columns, BY_COLUMN.double() ** 2)
    assert torch.equal(twice.scaling.rows, BY_ROW.double())


def test_only_rows_scaled_leaves_the_columns_alone():
    matrix = jagged(weighted=False).scale_rows(BY_ROW)
    assert matrix.scaling.columns is None
    np.testing.assert_array_equal(array(matrix), array(jagged(weighted=False)) * BY_ROW.numpy()[:, None])


def test_the_normalised_adjacency_of_a_gcn_is_separable():
    # Each link weighs 1 / sqrt(2 * 3): see test_csr.
    link = 6**-0.5
    assert_separable(square().gcn(), [[0, link, 0], [link, 0, link], [0, link, 0]])


def test_the_mean_of_a_pattern_is_a_scaling_of_its_rows():
    matrix = square().mean()
    assert_separable(matrix, [[0, 1, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]])
    assert matrix.scaling.columns is None


def test_the_transpose_swaps_rows_and_columns():
    matrix = scaled()
    assert_separable(matrix.transpose(), array(matrix).T)
    assert matrix.transpose().scaling.rows is matrix.scaling.columns
    assert matrix.transpose().transpose() is matrix


def test_a_scaled_matrix_does_not_have_the_transpose_of_the_one_it_was_made_of():
    matrix = square()
    np.testing.assert_array_equal(array(matrix.transpose()), array(matrix).T)
    twice = matrix.scale_rows(torch.full((3,), 2.0))
    np.testing.assert_array_equal(array(twice.transpose()), 2 * array(matrix).T)


def test_without_its_diagonal_a_matrix_stays_separable():
    matrix = scaled()
    expected = array(matrix)
    np.fill_diagonal(expected, 0)
    assert_separable(matrix.without_diagonal(), expected)


def test_moved_to_another_device_a_matrix_stays_separable():
    moved = scaled().to("meta")
    assert moved.scaling.rows.device.type == moved.scaling.columns.device.type == "meta"
    assert moved.entries is None


def test_norms_are_those_of_the_values():
    matrix = scaled()
    np.testing.assert_allclose(matrix.row_norms, np.linalg.norm(array(matrix), axis=1), rtol=1e-6)
    np.testing.assert_allclose(matrix.column_norms, np.linalg.norm(array(matrix), axis=0), rtol=1e-6)


def test_a_matrix_with_values_of_its_own_has_no_scaling():
    assert jagged().scale_rows(BY_ROW).scaling is None
    assert jagged().scale_columns(BY_COLUMN).scaling is None
    with pytest.raises(ValueError, match="both: a matrix has a value a non-zero or a scaling"):
        Csr(torch.tensor([0, 1]), torch.tensor([0]), torch.ones(1), (1, 1), "both", Scaling(torch.ones(1)))


def test_a_bounded_matrix_does_not_say_how_many_non_zeros_it_has():
    matrix = Csr(torch.tensor([0, 1]), torch.tensor([0, 5]), None, (1, 2), "sample", bounded=True)
    assert matrix.nnz == 2
    with pytest.raises(ValueError, match="sample: how many non-zeros a bounded matrix has is known on its device only"):
        matrix.transpose()
