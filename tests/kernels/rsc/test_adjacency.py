"""Values of a mean, for the kernels that read one for each non-zero."""

import torch
from made_graphs import csr

from rsc_bench.kernels import Csr
from rsc_bench.kernels.exact._torch_csr import torch_csr
from rsc_bench.kernels.rsc.adjacency import Adjacency


def mean(separable):
    """Of a path 0 - 1 - 2 of ones, as GraphSAGE is given it."""
    path = csr(torch.tensor([[0.0, 1, 0], [1, 0, 1], [0, 1, 0]]))
    ones = Csr(path.rowptr, path.col, None, path.shape)
    return Adjacency.from_csr(ones, "mean").fixed(separable).matrix


def test_the_products_of_all_layers_share_one_copy_of_the_values_both_ways():
    matrix = mean(separable=False)
    for each in (matrix, matrix.transpose()):
        first, second = (torch_csr(each, torch.float32).values() for _ in range(2))
        assert first.data_ptr() == second.data_ptr()
    assert matrix.value.tolist() == [1, 0.5, 0.5, 1]
    assert matrix.transpose().value.tolist() == [0.5, 1, 1, 0.5]


def test_a_kernel_that_reads_factors_is_given_no_values():
    assert mean(separable=True).entries is None
