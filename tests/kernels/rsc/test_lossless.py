"""Exact products without what is multiplied with zeros: the same numbers from fewer non-zeros."""

import pytest
import torch

from rsc_bench.kernels import Csr, Kernel
from rsc_bench.kernels.exact import torch_reduce
from rsc_bench.kernels.rsc import lossless
from rsc_bench.kernels.rsc.lossless import Lossless, rows_that_count

ROWS, COLUMNS, WIDTH = 40, 50, 7


class Counting:
    """A kernel that notes the non-zeros of each matrix that it multiplies."""

    def __init__(self):
        self.nnz = []

    def kernel(self):
        def prepare(matrix, width, dtype, reduce="sum"):
            multiply = torch_reduce.prepare(matrix, width, dtype, reduce)

            def call(dense):
                self.nnz.append(matrix.nnz)
                return multiply(dense)

            return call

        return Kernel("counting", "cpu", "Counts.", prepare)


@pytest.fixture
def matrix():
    generator = torch.Generator().manual_seed(0)
    dense = torch.randn(ROWS, COLUMNS, generator=generator) * (torch.rand(ROWS, COLUMNS, generator=generator) < 0.3)
    dense[5], dense[:, 3] = 0, 0
    return Csr.from_torch(dense.to_sparse_csr(), "made")


def operand(rows, seed=0, dtype=torch.float32):
    dense = torch.zeros(COLUMNS, WIDTH, dtype=dtype)
    dense[rows] = torch.randn(len(rows), WIDTH, generator=torch.Generator().manual_seed(seed)).to(dtype)
    return dense


def wanted(matrix, dense):
    return torch.from_numpy(matrix.to_scipy() @ dense.double().numpy())


FEW, OTHERS = list(range(8)), list(range(20, 28))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_rows_that_stay_zero_are_left_out_from_the_second_product_on(matrix, dtype):
    counted = Counting()
    multiply = Lossless(counted.kernel(), matrix, WIDTH, dtype)
    for seed in range(4):
        dense = operand(FEW, seed, dtype)
        torch.testing.assert_close(multiply(dense).double(), wanted(matrix, dense), rtol=1e-5, atol=1e-5)
    smaller = int(matrix.column_nnz[FEW].sum())
    assert counted.nnz == [matrix.nnz, smaller, smaller, smaller]
    assert multiply.kept == smaller / matrix.nnz


def test_a_row_that_is_not_zero_any_more_counts_at_once(matrix):
    multiply = Lossless(Counting().kernel(), matrix, WIDTH, torch.float32)
    for seed, rows in enumerate([FEW, FEW, OTHERS, FEW, FEW[:3], OTHERS, OTHERS, [*FEW, *OTHERS]]):
        dense = operand(rows, seed)
        torch.testing.assert_close(multiply(dense).double(), wanted(matrix, dense), rtol=1e-5, atol=1e-5)


def test_fewer_rows_than_before_still_go_through_the_smaller_matrix(matrix):
    counted = Counting()
    multiply = Lossless(counted.kernel(), matrix, WIDTH, torch.float32)
    for rows in (FEW, FEW, FEW[:2], FEW):
        multiply(operand(rows))
    assert counted.nnz[1:] == [int(matrix.column_nnz[FEW].sum())] * 3


def test_zeros_that_are_elsewhere_in_each_product_are_not_followed_for_ever(matrix, monkeypatch):
    looked, look = [], rows_that_count
    monkeypatch.setattr(lossless, "rows_that_count", lambda dense: looked.append(1) or look(dense))
    multiply = Lossless(Counting().kernel(), matrix, WIDTH, torch.float32)
    for turn in range(400):
        multiply(operand(FEW if turn // 2 % 2 else OTHERS))
    assert len(looked) < 100


def test_an_operand_without_zeros_is_looked_at_ever_more_rarely(matrix, monkeypatch):
    looked, look = [], rows_that_count
    monkeypatch.setattr(lossless, "rows_that_count", lambda dense: looked.append(1) or look(dense))
    counted = Counting()
    multiply = Lossless(counted.kernel(), matrix, WIDTH, torch.float32)
    for _ in range(200):
        multiply(operand(list(range(COLUMNS))))
    assert len(looked) < 25
    assert set(counted.nnz) == {matrix.nnz}


def test_nan_is_no_zero_and_a_row_of_zeros_and_nan_counts(matrix):
    dense = operand(FEW)
    dense[30, 2] = float("nan")
    assert rows_that_count(dense).nonzero().flatten().tolist() == [*FEW, 30]
    multiply = Lossless(Counting().kernel(), matrix, WIDTH, torch.float32)
    multiply(operand(FEW))
    multiply(operand(FEW))
    assert multiply(dense).isnan().any()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("numba", [True, False])
def test_rows_that_count_are_those_with_anything_but_zeros(dtype, numba, monkeypatch):
    if not numba:
        monkeypatch.setattr(lossless, "_NUMBA", None)
    dense = torch.zeros(6, 3, dtype=dtype)
    dense[1, 2], dense[3, 0], dense[4, 1], dense[5, 1] = 1, -0.0, float("inf"), float("nan")
    assert rows_that_count(dense).tolist() == [False, True, False, False, True, True]
    dense[0, 0] = torch.finfo(dtype).smallest_normal / 2  # is no zero, and its square is one
    assert rows_that_count(dense).tolist() == [True, True, False, False, True, True]


def test_no_row_counts(matrix):
    multiply = Lossless(Counting().kernel(), matrix, WIDTH, torch.float32)
    for _ in range(3):
        assert not multiply(operand([])).any()
