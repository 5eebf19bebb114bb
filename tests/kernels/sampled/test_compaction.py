import pytest

pytest.importorskip("hypothesis", reason="hypothesis is not installed: pip install hypothesis")

import numpy as np
import scipy.sparse
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from made_matrices import array, eighths, jagged, same_bits, with_rowptr, without_entries

from rsc_bench.kernels import Csr
from rsc_bench.kernels.sampled import compaction
from rsc_bench.kernels.sampled.selections import Kept

numba = pytest.importorskip("numba")


def any_kept(test):
    """Runs a test with many draws of what is kept."""
    drawn = given(seed=st.integers(0, 2**31), share=st.sampled_from([0.0, 0.1, 0.5, 1.0]), scaled=st.booleans())
    return settings(max_examples=40, deadline=None)(drawn(test))


def kept(seed, pairs, share, scaled):
    generator = torch.Generator().manual_seed(seed)
    mask = torch.rand(pairs, generator=generator) < share
    scale = torch.rand(pairs, generator=generator) + 0.5
    return Kept(mask, torch.where(mask, scale, 0.0) if scaled else None)


def both(matrix, chosen, whole_diagonal=False):
    """The fast compaction and the reference, which must be equal to the bit."""
    fast = compaction.prepare(matrix, whole_diagonal)
    assert not hasattr(fast, "func"), "the one with Numba"
    one, other = fast(chosen), compaction.compact(matrix, chosen, whole_diagonal)
    assert same_bits(one, other)
    return one


@pytest.mark.parametrize("weighted", [True, False])
@any_kept
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


@pytest.mark.parametrize("scaled", [False, True])
def test_values_in_float64_stay_in_float64(scaled):
    wide = jagged()
    wide = Csr(wide.rowptr, wide.col, wide.entries.double() / 3, wide.shape)
    assert both(wide, kept(0, 9, 0.5, scaled)).entries.dtype is torch.float64


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


def square(weighted=True):
    """12 x 12: entries on most of the diagonal, a hub at row and column 4, nothing in row 7, a loop alone in column 9."""
    generator = np.random.default_rng(5)
    full = (generator.random((12, 12)) < 0.25) * eighths(generator, (12, 12))
    full[4] = full[:, 4] = 0.5
    full[7] = full[:, 9] = 0
    full[range(0, 12, 2), range(0, 12, 2)] = full[9, 9] = 3
    return Csr.from_scipy(scipy.sparse.csr_matrix(full), "square", weighted)


@pytest.mark.parametrize("weighted", [True, False])
@any_kept
def test_a_whole_diagonal_stays_what_it_is(weighted, seed, share, scaled):
    matrix = square(weighted)
    chosen = kept(seed, 12, share, scaled)
    small = both(matrix, chosen, whole_diagonal=True)
    expected = array(matrix) * chosen.weights.numpy()
    np.fill_diagonal(expected, array(matrix).diagonal())
    np.testing.assert_allclose(array(small), expected, rtol=1e-6)
    assert small.to_scipy().has_sorted_indices


def test_self_loops_given_twice_all_stay():
    edges = torch.tensor([[0, 0, 2, 1], [0, 0, 2, 0]])
    small = both(Csr.from_edge_index(edges, 3), Kept(torch.zeros(3, dtype=torch.bool)), whole_diagonal=True)
    assert small.nnz == 3
    assert array(small).tolist() == [[2, 0, 0], [0, 0, 0], [0, 0, 1]]


@pytest.mark.parametrize("whole_diagonal", [False, True])
@pytest.mark.parametrize("scaled", [False, True])
def test_separable_values_stay_factors_where_factors_can_say_them(whole_diagonal, scaled):
    # A loop that stays what it is in a column that is scaled has a value that no factor of the column makes.
    matrix = square(weighted=False).scale_rows(torch.arange(1.0, 13)).scale_columns(1 / torch.arange(1.0, 13))
    chosen = kept(3, 12, 0.5, scaled)
    small = compaction.prepare(matrix, whole_diagonal, separable=True)(chosen)
    assert (small.entries is None) == (not (whole_diagonal and scaled))
    np.testing.assert_allclose(array(small), array(compaction.compact(matrix, chosen, whole_diagonal)), rtol=1e-6)
