"""Selecting in Triton against plain torch: on a GPU where there is one, else in the interpreter, as test_interpreter has it."""

import numpy as np
import pytest
import scipy.sparse
import torch
from made_matrices import array, dense, jagged, with_rowptr, without_entries
from torch_modes import DirtyMemory

pytest.importorskip("triton", reason="triton is not installed: pip install triton")

from rsc_bench.kernels import Csr
from rsc_bench.kernels.exact.rows_triton import KERNEL
from rsc_bench.kernels.sampled import compaction, scores
from rsc_bench.kernels.sampled.diagonal import Loops
from rsc_bench.kernels.sampled.selections import Kept

pytestmark = pytest.mark.skipif(KERNEL.missing() is not None, reason=f"{KERNEL.missing()}; test_interpreter runs it there")
DEVICE = KERNEL.device
BLOCK = 1024
"""Non-zeros that one program compacts."""


def drawn(pairs, share, scaled=False, seed=0, most_nnz=None):
    generator = torch.Generator().manual_seed(seed)
    mask = torch.rand(pairs, generator=generator) < share
    scale = torch.where(mask, torch.rand(pairs, generator=generator) + 0.5, 0.0)
    return Kept(mask.to(DEVICE), scale.to(DEVICE) if scaled else None, most_nnz)


def compacted(matrix, chosen, whole_diagonal=False, separable=False):
    return compaction.prepare(matrix.to(DEVICE), whole_diagonal, separable)(chosen)


def spread(rows=150, columns=40, share=0.3):
    """Several programs' worth of non-zeros: row 20 is a hub, rows 60 to 99 are empty, and so is the last row."""
    generator = np.random.default_rng(3)
    full = generator.integers(1, 17, (rows, columns)) / 8 * (generator.random((rows, columns)) < share)
    full[20], full[60:100], full[-1] = 1.0, 0, 0
    return Csr.from_scipy(scipy.sparse.csr_matrix(full), "spread")


def pattern(matrix):
    return Csr(matrix.rowptr, matrix.col, None, matrix.shape, matrix.name)


def separable(matrix):
    columns = torch.arange(1, matrix.shape[1] + 1) / 8
    return pattern(matrix).scale_rows(torch.arange(1, matrix.shape[0] + 1) / 4).scale_columns(columns)


MATRICES = {
    "jagged": jagged,
    "jagged, all ones": lambda: jagged(weighted=False),
    "jagged, separable": lambda: separable(jagged()),
    "jagged, float64": lambda: Csr(jagged().rowptr, jagged().col, jagged().value.double(), jagged().shape),
    "jagged, int64 offsets": lambda: with_rowptr(jagged(), torch.int64),
    "spread": spread,
    "one program's non-zeros, all of them": lambda: Csr.from_scipy(scipy.sparse.csr_matrix(np.ones((64, 16)))),
    "as many rows as a program has words": lambda: spread(32, 40, 0.1),
}


def small_part(matrix):
    """A bounded matrix without its tail, which must be 0, on the CPU."""
    matrix = matrix.to("cpu")
    nnz = int(matrix.rowptr[-1])
    assert matrix.bounded
    assert not matrix.col[nnz:].any()
    entries = None
    if matrix.entries is not None:
        assert not matrix.entries[nnz:].any()
        entries = matrix.entries[:nnz]
    return Csr(matrix.rowptr, matrix.col[:nnz], entries, matrix.shape, matrix.name, matrix.scaling)


@pytest.mark.parametrize(("share", "scaled"), [(0.0, False), (0.4, False), (0.4, True), (1.0, True)])
@pytest.mark.parametrize("make", MATRICES.values(), ids=MATRICES)
def test_a_compacted_matrix_is_that_of_plain_torch(make, share, scaled):
    matrix = make()
    chosen = drawn(matrix.shape[1], share, scaled)
    found, wanted = small_part(compacted(matrix, chosen)), compaction.compact(matrix.to(DEVICE), chosen).to("cpu")
    assert found.rowptr.dtype == wanted.rowptr.dtype
    assert torch.equal(found.rowptr, wanted.rowptr)
    assert torch.equal(found.col, wanted.col)
    assert (found.value is None) == (wanted.value is None)
    if found.value is not None:
        assert torch.equal(found.value, wanted.value.float())


@pytest.mark.parametrize("scaled", [False, True])
@pytest.mark.parametrize("make", [lambda: separable(spread()), lambda: pattern(spread())], ids=["separable", "all ones"])
def test_separable_values_stay_separable_and_no_value_is_copied(make, scaled):
    matrix, chosen = make(), drawn(40, 0.4, scaled)
    found = small_part(compacted(matrix, chosen, separable=True))
    assert found.entries is None
    np.testing.assert_allclose(array(found), array(matrix) * chosen.weights.cpu().numpy(), rtol=1e-6)


def with_loops():
    """50 x 50, about 750 non-zeros, of which two thirds of the diagonal; row 3 is a hub, and row 7 has nothing but its loop."""
    generator = np.random.default_rng(5)
    full = generator.integers(1, 17, (50, 50)) / 8 * (generator.random((50, 50)) < 0.3)
    full[3], full[7] = 1.0, 0
    np.fill_diagonal(full, np.where(np.arange(50) % 3, 2.0, 0.0))
    return Csr.from_scipy(scipy.sparse.csr_matrix(full), "loops")


@pytest.mark.parametrize(("share", "scaled"), [(0.0, False), (0.4, False), (0.4, True)])
@pytest.mark.parametrize("make", [with_loops, lambda: separable(with_loops()), lambda: pattern(with_loops())])
@pytest.mark.parametrize("keeps_scaling", [False, True])
def test_the_diagonal_stays_whole_whatever_is_dropped_and_scaled(make, share, scaled, keeps_scaling):
    matrix, chosen = make(), drawn(50, share, scaled)
    loops = Loops.find(matrix.to(DEVICE))
    chosen = Kept(chosen.mask, chosen.scale, int(loops.column_nnz[chosen.mask].sum()))
    found = small_part(compacted(matrix, chosen, True, keeps_scaling))
    off = array(matrix) - np.diag(np.diag(array(matrix)))
    np.testing.assert_allclose(array(found), off * chosen.weights.cpu().numpy() + np.diag(np.diag(array(matrix))), rtol=1e-6)
    assert found.to_scipy().has_sorted_indices


def test_the_room_for_non_zeros_is_the_bound_in_whole_programs_and_never_more_than_all():
    matrix, cheap = spread(), drawn(40, 0.1)
    assert matrix.nnz == 1332, "or the expected numbers below are others"
    assert compacted(matrix, Kept(cheap.mask, None, 300)).nnz == BLOCK
    assert compacted(matrix, Kept(cheap.mask, None, 1100)).nnz == matrix.nnz
    assert compacted(matrix, cheap).nnz == matrix.nnz


@pytest.mark.parametrize(("share", "most_nnz"), [(0.3, None), (0.3, 1000), (0.0, 1100), (1.0, None)])
def test_behind_the_last_non_zero_stand_zeros_whatever_was_in_the_memory(share, most_nnz):
    with DirtyMemory():
        found = compacted(spread(), drawn(40, share, most_nnz=most_nnz))
    kept = int(found.rowptr[-1])
    wanted = small_part(compacted(spread(), drawn(40, share)))
    assert (kept, found.nnz >= kept) == (wanted.nnz, True)
    assert torch.equal(found.col[:kept], wanted.col)
    assert not found.col[kept:].any()
    assert not found.entries[kept:].any()


def test_pairs_that_break_their_promise_are_not_written_behind_the_room():
    matrix = spread()
    found = compacted(matrix, Kept(torch.ones(40, dtype=torch.bool, device=DEVICE), None, 300))
    assert torch.equal(found.col.cpu(), matrix.col[:BLOCK])


@pytest.mark.parametrize("shape", [(3, 5), (0, 5), (3, 0)])
def test_a_matrix_without_entries_compacts_to_itself(shape):
    found = compacted(without_entries(*shape), Kept(torch.ones(shape[1], dtype=torch.bool, device=DEVICE)))
    assert (found.shape, found.nnz, found.rowptr.tolist()) == (shape, 0, [0] * (shape[0] + 1))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("width", [1, 3, 16, 41, 256, 300])
def test_a_score_is_the_norm_of_the_column_times_that_of_the_dense_row(dtype, width):
    norms, operand = spread().column_norms, dense(40, width).to(dtype)
    found = scores.prepare(norms.to(DEVICE))(operand.to(DEVICE))
    assert found.dtype is torch.float32
    np.testing.assert_allclose(found.cpu(), norms.numpy() * np.linalg.norm(operand.double().numpy(), axis=1), rtol=1e-5)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_what_is_not_finite_shows_in_its_own_score(bad):
    operand = dense(40, 41)
    operand[4, 20] = bad
    found = scores.prepare(spread().column_norms.to(DEVICE))(operand.to(DEVICE))
    assert torch.isfinite(found).tolist() == [row != 4 for row in range(40)]


def test_no_pairs_have_no_scores():
    assert scores.prepare(torch.empty(0, device=DEVICE))(torch.empty(0, 3, device=DEVICE)).shape == (0,)
