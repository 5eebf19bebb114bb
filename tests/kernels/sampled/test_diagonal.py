import torch
from made_graphs import BY_HAND, csr

from rsc_bench.kernels.sampled.diagonal import Loops, on_diagonal


def test_loops_know_the_columns_without_them():
    loops = Loops.find(csr(BY_HAND).transpose())
    assert loops.column_nnz.tolist() == [2, 1, 1, 3]
    assert loops.column_norms.tolist() == [5, 2, 1, 3]


def test_a_matrix_without_loops_has_none():
    assert Loops.find(csr(BY_HAND).without_diagonal()) is None
    assert Loops.find(csr(torch.tensor([[1.0, 0, 2]]))) is None


def test_entries_on_the_diagonal_are_found_in_a_matrix_that_is_not_square_too():
    assert on_diagonal(csr(torch.tensor([[1.0, 0, 2], [3, 4, 0]]))).tolist() == [True, False, False, True]
