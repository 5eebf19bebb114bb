import pytest
import torch
from made_matrices import jagged

from rsc_bench.kernels import Csr
from rsc_bench.kernels.sampled.pairs import Pairs

TRIANGLE = Csr.from_edge_index(torch.tensor([[0, 1, 2, 0, 2], [1, 2, 0, 0, 2]]), 3)
"""A ring of three with loops on nodes 0 and 2."""


def test_a_pair_costs_and_weighs_its_column():
    pairs = Pairs(jagged())
    assert torch.equal(pairs.nnz, jagged().column_nnz)
    assert torch.equal(pairs.norms, jagged().column_norms)
    assert pairs.whole_nnz == jagged().nnz


def test_self_loops_that_stay_are_no_part_of_the_pairs():
    assert Pairs(TRIANGLE, whole_diagonal=True).nnz.tolist() == [1, 1, 1]
    assert Pairs(TRIANGLE, whole_diagonal=True).whole_nnz == 3
    assert Pairs(TRIANGLE).nnz.tolist() == [2, 1, 2]


@pytest.mark.parametrize("separable", [True, False])
def test_all_products_with_a_matrix_share_what_drops_its_pairs(separable):
    pairs = Pairs(TRIANGLE)
    assert pairs.compaction(separable) is pairs.compaction(separable)
    assert pairs.compaction(separable) is not pairs.compaction(not separable)
