import pytest
import torch
from made_graphs import csr, random_graph

from rsc_bench.kernels.rsc.conversion.separable import separated


def pattern():
    """A 30-node graph without self-loops, all ones, float32."""
    full = (random_graph() != 0).float()
    return ((full + full.T) > 0).float().fill_diagonal_(0)


def normalised(full, fill=1.0):
    """``D^-1/2 (A + fill I) D^-1/2``, multiplied in float32 from the left as PyTorch Geometric does."""
    looped = full + fill * torch.eye(len(full))
    factor = looped.sum(1).pow(-0.5)
    return csr(factor[:, None] * looped * factor)


def same(one, other):
    torch.testing.assert_close(one.values64(), other.values64(), rtol=1e-6, atol=0)


def test_the_values_of_a_gcn_become_two_factors():
    found = separated(normalised(pattern()))
    assert found.entries is None
    degree = pattern().sum(1) + 1
    torch.testing.assert_close(found.scaling.rows.float(), degree.rsqrt())
    torch.testing.assert_close(found.scaling.columns.float(), degree.rsqrt())
    same(found, normalised(pattern()))


def test_the_values_of_a_mean_become_one_factor_a_row():
    full = pattern()
    full[3] = 0
    mean = csr(full / full.sum(1, keepdim=True).clamp(min=1))
    found = separated(mean)
    assert (found.entries, found.scaling.columns) == (None, None)
    same(found, mean)


def test_ones_become_nothing():
    found = separated(csr(pattern()))
    assert found.all_ones


@pytest.mark.parametrize(
    "matrix",
    [csr(random_graph()), normalised(pattern(), fill=2), normalised(pattern()).without_diagonal(),
     csr(pattern().double()), csr(torch.tensor([[1.0, 2, 0]])), csr(torch.tensor([[4.0, float("nan")], [1, 1]]))],
    ids=["random", "improved", "no diagonal", "float64", "one row", "nan"],
)  # fmt: skip
def test_other_values_stay_as_they_are(matrix):
    assert separated(matrix) is matrix


def test_one_value_that_differs_is_noticed():
    matrix = normalised(pattern())
    matrix.entries[7] *= 1.00001
    assert separated(matrix) is matrix


def test_a_transpose_made_before_is_not_taken_along():
    matrix = normalised(pattern())
    matrix.transpose()
    assert separated(matrix).transpose().entries is None
