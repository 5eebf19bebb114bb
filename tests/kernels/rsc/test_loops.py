import pytest
import torch
from made_graphs import BY_HAND, csr, random_graph

from kernels import Csr
from kernels.sampled import diagonal
from kernels.sampled.diagonal import Loops
from kernels.sampled.selection import Kept


def compiled_add(off, weights):
    pytest.importorskip("numba", reason="numba is not installed: pip install numba")
    from kernels.sampled import _diagonal_numba

    return _diagonal_numba.add(off, weights)


ADDS = pytest.mark.parametrize("add", [diagonal.add, compiled_add], ids=["torch", "numba"])


def full(matrix):
    return torch.from_numpy(matrix.to_scipy().toarray()).float()


@ADDS
def test_a_diagonal_is_added_where_it_is_not_zero(add):
    off = csr(BY_HAND).without_diagonal()
    found = add(off, torch.tensor([1.0, 0, 5, 0]))
    assert full(found).tolist() == BY_HAND.tolist()
    assert found.nnz == off.nnz + 2


@ADDS
@pytest.mark.parametrize("weighted", [True, False])
def test_columns_stay_in_ascending_order(add, weighted):
    off = csr(random_graph()).without_diagonal()
    off = off if weighted else Csr(off.rowptr, off.col, None, off.shape)
    values = torch.arange(30.0) % 3
    found = add(off, values)
    torch.testing.assert_close(full(found), full(off) + values.diag())
    for first, last in zip(found.rowptr[:-1].tolist(), found.rowptr[1:].tolist(), strict=True):
        assert (found.col[first:last].diff() > 0).all()
    assert (found.rowptr.dtype, found.col.dtype) == (off.rowptr.dtype, torch.int32)


@ADDS
def test_an_empty_matrix_becomes_the_diagonal(add):
    empty = Csr(torch.zeros(4, dtype=torch.int32), torch.zeros(0, dtype=torch.int32), None, (3, 3))
    assert full(add(empty, torch.tensor([1.0, 2, 0]))).tolist() == [[1, 0, 0], [0, 2, 0], [0, 0, 0]]


def test_loops_know_the_columns_without_them():
    loops = Loops.of(csr(BY_HAND).transpose())
    assert loops.value.tolist() == [1, 0, 5, 0]
    assert loops.column_nnz.tolist() == [2, 1, 1, 3]
    assert loops.column_norms.tolist() == [5, 2, 1, 3]


def test_what_was_scaled_or_dropped_has_its_loop_put_back_whole():
    scale = torch.tensor([0.0, 2.0, 0.5, 0.0])
    small = csr(BY_HAND).scale_columns(scale)
    found = full(Loops.of(csr(BY_HAND)).put_back(small, Kept(scale > 0, scale)))
    expected = BY_HAND * scale
    assert found.diagonal().tolist() == [1, 0, 5, 0]
    assert (found - found.diagonal().diag()).tolist() == (expected - expected.diagonal().diag()).tolist()


def test_a_matrix_without_loops_has_none():
    assert Loops.of(csr(BY_HAND).without_diagonal()) is None
    assert Loops.of(csr(torch.tensor([[1.0, 0, 2]]))) is None
