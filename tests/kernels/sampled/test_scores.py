import numpy as np
import pytest
import torch
from made_matrices import array, dense, jagged

from rsc_bench.kernels import Csr
from rsc_bench.kernels.sampled import scores


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("width", [1, 3, 16, 41])
def test_a_score_is_the_norm_of_the_column_times_that_of_the_dense_row(dtype, width):
    matrix, operand = jagged(), dense(9, width).to(dtype)
    expected = np.linalg.norm(array(matrix), axis=0) * np.linalg.norm(operand.double().numpy(), axis=1)
    fast, reference = scores.prepare(matrix.column_norms)(operand), scores.score(matrix.column_norms, operand)
    for found in (fast, reference):
        assert found.dtype is torch.float32
        np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_what_is_not_finite_shows_in_its_own_score(bad):
    operand = dense(9, 41)
    operand[4, 20] = bad
    for found in (scores.prepare(jagged().column_norms)(operand), scores.score(jagged().column_norms, operand)):
        assert not torch.isfinite(found[4])
        assert torch.isfinite(found[:4]).all()
        assert torch.isfinite(found[5:]).all()


def test_a_dense_operand_with_a_gradient_is_scored_without_one():
    operand = dense(9, 3).requires_grad_()
    assert not scores.prepare(jagged().column_norms)(operand.detach()).requires_grad
    assert not scores.prepare(jagged().column_norms)(operand).requires_grad


def test_the_score_of_mean_aggregation_is_that_of_the_matrix_that_is_multiplied():
    # Rows of 2 and 1 entries: 1/deg is 1/2 and 1, so column 0 = (1/2, 1) and column 1 = (1/2, 0).
    matrix = Csr.from_edge_index(torch.tensor([[0, 1, 0], [0, 0, 1]]))
    found = scores.prepare(matrix.mean().column_norms)(torch.ones(2, 1))
    np.testing.assert_allclose(found, [1.25**0.5, 0.5], rtol=1e-6)
