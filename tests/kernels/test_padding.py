import numpy as np
import pytest
import torch
from made_matrices import array, dense, jagged

from rsc_bench.kernels import Csr
from rsc_bench.kernels.exact import torch_reduce
from rsc_bench.kernels.padding import TAIL_ROWS, cut, padded


def bounded(matrix, room):
    """The matrix with `room` more entries behind its last, of which nobody but its row offsets says that they are none."""
    col = torch.cat([matrix.col, matrix.col.new_zeros(room)])
    entries = torch.cat([matrix.entries, matrix.entries.new_zeros(room)])
    return Csr(matrix.rowptr, col, entries, matrix.shape, matrix.name, bounded=True)


@pytest.mark.parametrize("room", [0, 1, 128, 300])
def test_a_padded_matrix_has_as_many_non_zeros_as_its_offsets_say(room):
    found = padded(bounded(jagged(), room))
    assert not found.bounded
    assert int(found.rowptr[-1]) == found.nnz == jagged().nnz + room
    assert torch.equal(found.rowptr[: 13 + 1], jagged().rowptr)
    assert found.shape == (13 + TAIL_ROWS, 9)


def test_room_is_shared_by_the_rows_behind_so_that_none_is_a_hub():
    rows = padded(bounded(jagged(), 300)).row_nnz[13:]
    assert (int(rows.min()), int(rows.max()), int(rows.sum())) == (300 // TAIL_ROWS, 300 // TAIL_ROWS + 1, 300)


def test_a_product_cut_to_size_is_that_of_the_matrix():
    operand = dense(9, 5)
    found = cut(torch_reduce.prepare(padded(bounded(jagged(), 300)), 5, torch.float32), 13)(operand)
    np.testing.assert_allclose(found, array(jagged()) @ operand.double().numpy(), rtol=1e-6, atol=1e-6)
    assert found.is_contiguous()


@pytest.mark.parametrize("scaled", ["rows", "columns"])
def test_separable_values_are_padded_too(scaled):
    plain = jagged(weighted=False)
    whole = plain.scale_rows(torch.arange(1.0, 14)) if scaled == "rows" else plain.scale_columns(torch.arange(1.0, 10))
    col = torch.cat([whole.col, whole.col.new_zeros(300)])
    roomy = Csr(whole.rowptr, col, None, whole.shape, scaling=whole.scaling, bounded=True)
    operand = dense(9, 5)
    found = cut(torch_reduce.prepare(padded(roomy), 5, torch.float32), 13)(operand)
    np.testing.assert_allclose(found, array(whole) @ operand.double().numpy(), rtol=1e-6, atol=1e-6)
