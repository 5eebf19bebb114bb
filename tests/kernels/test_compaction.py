import pytest

pytest.importorskip("hypothesis", reason="hypothesis is not installed: pip install hypothesis")

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from made_matrices import array, jagged, same_bits, with_rowptr, without_entries

from kernels.sampled import compaction
from kernels.sampled.selection import Kept

numba = pytest.importorskip("numba")


def kept(seed, pairs, share, scaled):
    generator = torch.Generator().manual_seed(seed)
    mask = torch.rand(pairs, generator=generator) < share
    scale = torch.rand(pairs, generator=generator) + 0.5
    return Kept(mask, torch.where(mask, scale, 0.0) if scaled else None)


def both(matrix, chosen):
    """The fast compaction and the reference, which must be equal to the bit."""
    fast = compaction.prepare(matrix)
    assert not hasattr(fast, "func"), "the one with Numba"
    one, other = fast(chosen), compaction.compact(matrix, chosen)
    assert same_bits(one, other)
    return one


@pytest.mark.parametrize("weighted", [True, False])
@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**31), share=st.sampled_from([0.0, 0.1, 0.5, 1.0]), scaled=st.booleans())
def test_compaction_is_the_matrix_times_the_weights(weighted, seed, share, scaled):
    matrix = jagged(weighted)
    chosen = kept(seed, 9, share, scaled)
    small = both(matrix, chosen)
    np.testing.assert_allclose(array(small), array(matrix) * chosen.weights.numpy(), rtol=1e-6)
    assert small.nnz == int(matrix.column_nnz[chosen.mask].sum())
    assert small.to_scipy().has_sorted_indices
    assert (small.value is None) == (not weighted and not scaled)


def test_the_transpose_compacts_as_well():
    both(jagged().transpose(), kept(1, 13, 0.5, scaled=True))


def test_keeping_everything_is_the_matrix_itself():
    assert same_bits(both(jagged(), Kept(torch.ones(9, dtype=torch.bool))), jagged())


def test_keeping_nothing_leaves_no_entry():
    assert both(jagged(), Kept(torch.zeros(9, dtype=torch.bool))).nnz == 0


@pytest.mark.parametrize("shape", [(3, 5), (0, 5), (3, 0)])
def test_a_matrix_without_entries_compacts_to_itself(shape):
    assert both(without_entries(*shape), Kept(torch.ones(shape[1], dtype=torch.bool))).shape == shape


def test_int64_row_offsets_stay_int64():
    small = both(with_rowptr(jagged(), torch.int64), kept(0, 9, 0.5, scaled=False))
    assert small.rowptr.dtype == torch.int64


@pytest.mark.parametrize("prepared_for", [1, 2])
def test_the_number_of_threads_changes_nothing(prepared_for):
    before, chosen = numba.get_num_threads(), kept(0, 9, 0.5, scaled=True)
    try:
        numba.set_num_threads(min(prepared_for, before))
        fast = compaction.prepare(jagged())
        numba.set_num_threads(1)
        assert same_bits(fast(chosen), compaction.compact(jagged(), chosen))
    finally:
        numba.set_num_threads(before)


def test_more_threads_than_rows_change_nothing(monkeypatch):
    monkeypatch.setattr(numba, "get_num_threads", lambda: 64)
    both(jagged(), kept(0, 9, 0.5, scaled=True))
