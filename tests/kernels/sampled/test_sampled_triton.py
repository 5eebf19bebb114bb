"""Sampled products in Triton against float64: on a GPU where there is one, else in the interpreter, as test_interpreter has it."""

import traceback
from dataclasses import replace

import numpy as np
import pytest
import torch
from made_matrices import array, dense, jagged
from torch.utils._python_dispatch import TorchDispatchMode
from torch_modes import NothingIsRead, NothingWaits, Waits

pytest.importorskip("triton", reason="triton is not installed: pip install triton")

from rsc_bench.harness.measure.gpu.cuda import drawn_from
from rsc_bench.kernels import Csr
from rsc_bench.kernels.exact import cusparse, torch_reduce
from rsc_bench.kernels.exact.rows_triton import KERNEL
from rsc_bench.kernels.sampled.compose import Inner, SampledMultiply, Sampling, compose
from rsc_bench.kernels.sampled.pairs import Pairs
from rsc_bench.kernels.sampled.selections import topk
from rsc_bench.kernels.sampled.selections.importance import MOST_DRAWS, Draws, affordable_draws, draw_times
from rsc_bench.plugins import load

pytestmark = pytest.mark.skipif(KERNEL.missing() is not None, reason=f"{KERNEL.missing()}; test_interpreter runs it there")
DEVICE = KERNEL.device
WIDTH = 17
# One that takes bounded matrices, and one for which they are padded.
PADDED = cusparse.KERNEL if DEVICE == "cuda" else torch_reduce.KERNEL
FACTORS = replace(PADDED, separable=True)
EXACT = pytest.mark.parametrize("exact", [KERNEL, PADDED, FACTORS], ids=["bounded", "padded", "padded, by factors"])


def topk_on_a_gpu(scores, cost, most, generator):
    """There the highest scores are found by sorting."""
    return topk.draw_by_sorting(scores, cost, most)


def importance_on_a_gpu(scores, cost, most, generator):
    """There the host does not know the number of draws."""
    probability = scores.double() / scores.double().sum()
    draws = Draws(affordable_draws(probability, cost.double(), most), MOST_DRAWS * len(scores))
    return draw_times(draws, probability, cost, most, generator)


ON_A_GPU = {"topk": topk_on_a_gpu, "importance": importance_on_a_gpu}
SELECTIONS = {name: replace(each, draw=ON_A_GPU.get(name, each.draw)) for name, each in load("selection").items() if each.draw}
TOPK = SELECTIONS["topk"]


def square(weighted=True):
    """24 x 24 with a hub, empty rows and a part of the diagonal; its values are exact in bfloat16."""
    generator = np.random.default_rng(2)
    full = generator.integers(1, 17, (24, 24)) / 8 * (generator.random((24, 24)) < 0.3)
    full[4], full[[0, 7, 23]] = 1.0, 0
    matrix = Csr.from_torch(torch.from_numpy(full).float().to_sparse_csr(), "square")
    return matrix if weighted else Csr(matrix.rowptr, matrix.col, None, matrix.shape, matrix.name)


MATRICES = {"values": jagged, "ones": lambda: jagged(weighted=False), "separable": lambda: square(weighted=False).gcn()}


def operand_of(matrix, seed=0, dtype=torch.float32):
    return dense(matrix.shape[1], WIDTH, seed).to(DEVICE, dtype)


def prepared(matrix, exact, sampling, selection="topk", dtype=torch.float32):
    return compose(SELECTIONS[selection], exact, sampling).prepare(matrix.to(DEVICE), WIDTH, dtype)


def product(matrix, weights, operand):
    return (array(matrix) * weights.double().cpu().numpy()) @ operand.double().cpu().numpy()


def assert_close(found, wanted):
    most = 1e-2 if found.dtype is torch.bfloat16 else 1e-6
    assert found.shape == wanted.shape
    assert np.linalg.norm(found.double().cpu().numpy() - wanted) <= most * np.linalg.norm(wanted)


@EXACT
@pytest.mark.parametrize("make", MATRICES.values(), ids=MATRICES)
@pytest.mark.parametrize("selection", sorted(SELECTIONS))
def test_a_sampled_product_is_that_of_the_kept_pairs_in_float64(selection, make, exact):
    matrix = make()
    operand, multiply = operand_of(matrix), prepared(matrix, exact, Sampling(0.6), selection)
    assert_close(multiply(operand), product(matrix, multiply.kept.weights, operand))
    assert 0 < multiply.kept_nnz <= 0.6 * matrix.nnz


@EXACT
@pytest.mark.parametrize("make", [jagged, lambda: jagged(weighted=False)], ids=["values", "ones"])
def test_a_sampled_mean_divides_by_all_entries_of_a_row(make, exact):
    operand, kernel = operand_of(make()), compose(TOPK, exact, Sampling(0.6))
    multiply = kernel.prepare(make().to(DEVICE), WIDTH, torch.float32, "mean")
    assert_close(multiply(operand), product(make().mean(), multiply.kept.weights, operand))


@EXACT
@pytest.mark.parametrize("make", MATRICES.values(), ids=MATRICES)
def test_bfloat16_operands_are_summed_in_float32(make, exact):
    matrix = make()
    operand, multiply = operand_of(matrix, dtype=torch.bfloat16), prepared(matrix, exact, Sampling(0.5), dtype=torch.bfloat16)
    found = multiply(operand)
    assert found.dtype is torch.bfloat16
    assert_close(found, product(matrix, multiply.kept.weights, operand))


@EXACT
def test_a_cached_product_is_that_of_the_pairs_kept_first(exact):
    multiply = prepared(square(), exact, Sampling(0.4, interval=2))
    multiply(operand_of(square(), seed=1))
    first, operand = multiply.kept.weights, operand_of(square(), seed=2)
    assert_close(multiply(operand), product(square(), first, operand))
    multiply(operand)
    assert not torch.equal(multiply.kept.weights, first), "the third call selects anew"
    assert_close(multiply(operand), product(square(), multiply.kept.weights, operand))


@EXACT
@pytest.mark.parametrize("budget", [1e-6, 1.0])
def test_no_pair_gives_zeros_and_all_pairs_the_exact_product(budget, exact):
    operand = operand_of(square())
    found = prepared(square(), exact, Sampling(budget))(operand)
    assert_close(found, array(square()) @ operand.double().cpu().numpy() * (budget == 1))


@EXACT
def test_room_for_what_is_kept_is_a_part_of_the_room_for_all(exact):
    drawn = torch.rand(66, 66, generator=torch.Generator().manual_seed(0))
    matrix = Csr.from_torch((drawn * (drawn < 0.5)).to_sparse_csr())
    multiply, operand = prepared(matrix, exact, Sampling(0.55)), dense(66, WIDTH).to(DEVICE)
    assert_close(multiply(operand), product(matrix, multiply.kept.weights, operand))
    assert 1024 < multiply.kept_nnz < 2048 < matrix.nnz, "room comes in multiples of 1024"


@EXACT
def test_what_is_not_finite_stays_in_the_rows_it_belongs_to_also_where_room_is_left(exact):
    operand, multiply = operand_of(square()), prepared(square(), exact, Sampling(0.5))
    operand[0, 3] = float("nan")  # in the column that the room behind the last non-zero names
    found = multiply(operand).cpu()
    assert multiply.kept.mask[0], "no number ranks above it"
    assert torch.isnan(found[:, 3]).tolist() == (array(square())[:, 0] != 0).tolist()
    assert torch.isfinite(found[:, :3]).all()


def with_loops(matrix, exact, selection="topk"):
    pairs = Pairs(matrix.to(DEVICE), whole_diagonal=True)
    return SampledMultiply(pairs, SELECTIONS[selection], Sampling(0.4), Inner(exact, WIDTH, torch.float32))


@EXACT
@pytest.mark.parametrize("selection", sorted(SELECTIONS))
def test_self_loops_stay_exact_and_out_of_the_budget(selection, exact):
    multiply, operand = with_loops(square(), exact, selection), operand_of(square())
    found = multiply(operand)
    diagonal = np.diag(np.diag(array(square())))
    weights = multiply.kept.weights.double().cpu().numpy()
    assert_close(found, ((array(square()) - diagonal) * weights + diagonal) @ operand.double().cpu().numpy())
    assert 0 < multiply.kept_nnz <= 0.4 * (square().nnz - np.count_nonzero(diagonal))


def test_what_was_multiplied_is_counted_when_asked_whatever_was_selected_since():
    multiply = prepared(square(), KERNEL, Sampling(0.4))
    counts = []
    for seed in (1, 2):
        multiply.select(operand_of(square(), seed))
        counts.append((multiply.count, int(square().column_nnz[multiply.kept.mask.cpu()].sum())))
    assert [count() for count, _ in counts] == [nnz for _, nnz in counts]


def test_a_kernel_is_tuned_once_for_a_matrix_of_the_budgets_size_before_any_call():
    seen = []
    kernel = compose(TOPK, replace(KERNEL, tune=lambda *arguments: seen.append(arguments)), Sampling(0.5))
    kernel.tune(square().to(DEVICE), WIDTH, torch.float32)
    [(like, width, dtype)] = seen
    assert (like.bounded, width, dtype) == (True, WIDTH, torch.float32)
    assert 0.4 * square().nnz < int(like.rowptr[-1]) <= 0.5 * square().nnz
    kernel.prepare(square().to(DEVICE), WIDTH, torch.float32)(operand_of(square()))
    assert len(seen) == 1, "and neither preparing nor calling does it again"


def test_a_kernel_that_takes_no_bounded_matrix_is_never_tuned_with_one():
    seen = []
    kernel = compose(TOPK, replace(PADDED, tune=lambda *arguments: seen.append(arguments)), Sampling(0.5))
    kernel.tune(square().to(DEVICE), WIDTH, torch.float32)
    assert seen == []


@pytest.mark.parametrize(
    "waits",
    [
        lambda x: x.sum().item(),
        lambda x: bool(x.any()),
        lambda x: x[x > 0],
        lambda x: x.nonzero(),
        lambda x: torch.repeat_interleave(x, x),
        torch.bincount,
        lambda x: x.tolist(),
    ],
)
def test_what_waits_for_a_device_is_noticed(waits):
    with pytest.raises(Waits), NothingIsRead(), NothingWaits():
        waits(torch.arange(3))


def samplers(exact):
    """Of values and of a scaling, without self-loops and with them."""
    yield from (prepared(square(), exact, Sampling(0.4), selection) for selection in sorted(SELECTIONS))
    yield from (prepared(square(weighted=False).gcn(), exact, Sampling(0.4), selection) for selection in ("topk", "importance"))
    yield with_loops(square(), exact)


@EXACT
def test_no_step_waits_for_the_device(exact):
    operand = operand_of(square())
    for multiply in samplers(exact):
        with NothingIsRead(), NothingWaits():
            for _ in range(2):
                multiply.select(operand)
                multiply.multiply(operand)
        assert multiply.kept_nnz > 0, "which does wait, when asked"


class Launches(TorchDispatchMode):
    """Notes the operations of torch that launch a kernel or more on a GPU."""

    LAUNCH_NOTHING = ("empty", "view", "select", "slice", "detach", "unbind", "alias", "as_strided")

    def __init__(self):
        super().__init__()
        self.names = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.overloadpacket.__name__
        in_a_kernel = any("interpreter.py" in frame.filename for frame in traceback.extract_stack(limit=12))
        self.names += [] if in_a_kernel or name.startswith(self.LAUNCH_NOTHING) else [name]
        return func(*args, **(kwargs or {}))


def test_a_selection_launches_little_beside_what_reads_the_operand_and_the_matrix():
    multiply, operand = prepared(square(weighted=False).gcn(), KERNEL, Sampling(0.4)), operand_of(square())
    with Launches() as seen:
        multiply.select(operand)
    # Ranking: sort, index, cumsum, le, scatter, and 17 for what is small behind a pair that does not fit.
    # Compacting: cumsum. Preparing: three cumsums, a copy, a cast of the rows' factors.
    assert len(seen.names) <= 29, " ".join(seen.names)


@pytest.mark.gpu
@pytest.mark.skipif(DEVICE != "cuda", reason="needs a CUDA GPU")
@pytest.mark.filterwarnings("ignore:Synchronization debug mode is a prototype")
@EXACT
def test_no_step_waits_for_a_gpu_by_its_own_account(exact):
    operand = operand_of(square())
    for multiply in samplers(exact):
        multiply(operand)  # what is compiled is compiled
        torch.cuda.synchronize()
        torch.cuda.set_sync_debug_mode("error")
        try:
            multiply.select(operand)
            multiply.multiply(operand)
        finally:
            torch.cuda.set_sync_debug_mode("default")


@pytest.mark.gpu
@pytest.mark.skipif(DEVICE != "cuda", reason="needs a CUDA GPU")
@EXACT
@pytest.mark.parametrize("interval", [1, 100], ids=["fresh", "cached"])
@pytest.mark.parametrize("selection", sorted(SELECTIONS))
def test_a_step_can_be_captured_in_a_cuda_graph(selection, exact, interval):
    operand, other = operand_of(square(), seed=1), operand_of(square(), seed=2)
    multiply = prepared(square(), exact, Sampling(0.4, interval), selection)
    multiply(operand)
    graph = torch.cuda.CUDAGraph()
    for generator in drawn_from(lambda: multiply.select(operand)):
        graph.register_generator_state(generator)
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        multiply(operand)  # libraries allocate in their first call on a stream
    torch.cuda.synchronize()
    with torch.cuda.graph(graph, stream=stream):
        found = multiply(operand)
    operand.copy_(other)
    graph.replay()
    assert_close(found, product(square(), multiply.kept.weights, other))
