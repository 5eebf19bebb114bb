import dataclasses

import numpy as np
import pytest
import torch
from made_matrices import array, dense, jagged

from rsc_bench.kernels import Csr
from rsc_bench.kernels.contract import Kernel
from rsc_bench.kernels.exact import torch_reduce
from rsc_bench.kernels.sampled import compose
from rsc_bench.kernels.sampled.compose import Inner, SampledMultiply, Sampling
from rsc_bench.kernels.sampled.pairs import Pairs
from rsc_bench.kernels.sampled.selections import Kept, Selection
from rsc_bench.plugins import PluginError, load

EXACT = {name: kernel for name, kernel in load("kernel").items() if kernel.operation == "spmm"}
SELECTIONS = load("selection")
TOPK = SELECTIONS["topk"]
# Every kernel can be named; only what runs here can be run.
RUNNABLE = sorted(name for name, kernel in EXACT.items() if kernel.missing() is None)


def prepared(selection, sampling, exact=torch_reduce.KERNEL, reduce="sum", matrix=None):
    kernel = compose.compose(selection, exact, sampling)
    return kernel.prepare((matrix or jagged()).to(exact.device), 4, torch.float32, reduce)


def counting(selection):
    """The selection, and a list that grows by one with each call."""
    calls = []

    def draw(*arguments):
        calls.append(arguments)
        return selection.draw(*arguments)

    return Selection(selection.name, selection.summary, draw), calls


@pytest.mark.parametrize("name", [f"{cached}{s}({e})" for s in SELECTIONS for e in EXACT for cached in ("", "cached_")])
def test_a_name_says_what_it_is_made_of(name):
    cached, selection, exact = compose.split(name)
    kernel = compose.compose(SELECTIONS[selection], EXACT[exact], Sampling(0.5, 10 if cached else 1))
    assert kernel.name == name
    assert (kernel.exact, kernel.device) == (False, EXACT[exact].device)


@pytest.mark.parametrize("name", ["mkl", "topk", "topk()", "topk(mkl", "topk(topk(mkl))", ""])
def test_a_name_that_is_not_composed_has_no_parts(name):
    assert compose.split(name) is None


@pytest.mark.parametrize(("budget", "shown"), [(0, "0"), (1.1, "1.1"), (float("nan"), "nan"), (-0.5, "-0.5")])
def test_a_budget_outside_of_0_to_1_is_refused(budget, shown):
    with pytest.raises(ValueError, match=rf"budget must lie in \(0, 1\] \(got {shown}\)"):
        Sampling(budget)


def test_an_interval_of_no_call_is_refused():
    with pytest.raises(ValueError, match=r"interval must be at least 1 \(got 0\)"):
        Sampling(0.5, 0)


def test_tuning_prepares_once_in_vain_so_that_what_is_compiled_is_compiled():
    prepared_for = []

    def prepare(matrix, width, dtype, reduce="sum"):
        prepared_for.append((matrix.nnz, width, dtype))
        return torch_reduce.prepare(matrix, width, dtype, reduce)

    kernel = compose.compose(TOPK, Kernel("noting", "cpu", "Writes down.", prepare), Sampling(0.5))
    kernel.tune(jagged(), 4, torch.float32)
    assert prepared_for[0] == (jagged().nnz, 4, torch.float32)
    smaller, *rest = prepared_for[1]
    assert 0 < smaller <= jagged().nnz // 2
    assert rest == [4, torch.float32]


@pytest.mark.parametrize("selection", ["topk", "importance"])
@pytest.mark.parametrize("whole_diagonal", [True, False])
def test_once_tuned_the_first_selection_compiles_nothing(selection, whole_diagonal):
    # A scaled pair beside an unscaled loop needs values where the whole matrix has factors; sampled loops are no longer many.
    rows_numba = pytest.importorskip("rsc_bench.kernels.exact.rows_numba", reason="numba is not installed: pip install numba")
    node = torch.arange(60)
    ring = Csr.from_edge_index(
        torch.stack([torch.cat([node, node, node]), torch.cat([node, (node + 1) % 60, (node + 7) % 60])]), 60
    )
    pairs = Pairs(ring.scale_rows(1 / torch.arange(1.0, 61)), whole_diagonal)
    inner = Inner(rows_numba.KERNEL, 29, torch.float32)
    multiply = SampledMultiply(pairs, SELECTIONS[selection], Sampling(0.3), inner).tuned()
    compiled = rows_numba._compiled.cache_info().misses
    multiply(dense(60, 29))
    assert rows_numba._compiled.cache_info().misses == compiled


@pytest.mark.parametrize("interval", [1, 3])
@pytest.mark.parametrize("reduce", ["sum", "mean"])
@pytest.mark.parametrize("selection", sorted(SELECTIONS))
@pytest.mark.parametrize("exact", RUNNABLE)
def test_any_selection_before_any_exact_kernel_multiplies_what_is_kept(exact, selection, reduce, interval):
    operand = dense(9, 4)
    multiply = prepared(SELECTIONS[selection], Sampling(0.8, interval), EXACT[exact], reduce)
    found = multiply(operand.to(EXACT[exact].device)).cpu()
    matrix = jagged().mean() if reduce == "mean" else jagged()
    weights = multiply.chosen.weights_of(torch.arange(matrix.nnz), matrix.col.long()).cpu()
    kept = dataclasses.replace(matrix, entries=matrix.value.double() * weights, scaling=None, _transposed=[])
    np.testing.assert_allclose(found, array(kept) @ operand.double().numpy(), rtol=1e-5, atol=1e-6)
    assert multiply.kept_nnz == int((weights != 0).sum())
    assert 0 < multiply.kept_nnz <= 0.8 * matrix.nnz


@pytest.mark.parametrize("reduce", ["sum", "mean"])
def test_the_whole_budget_gives_the_exact_product(reduce):
    operand = dense(9, 4)
    found = prepared(TOPK, Sampling(1.0), reduce=reduce)(operand)
    np.testing.assert_allclose(found, torch_reduce.prepare(jagged(), 4, torch.float32, reduce)(operand), rtol=1e-6)


def test_mean_divides_by_all_entries_of_a_row_not_by_those_kept():
    ones = torch.ones(9, 4)
    multiply = prepared(TOPK, Sampling(0.5), reduce="mean", matrix=jagged(weighted=False))
    hub = multiply(ones)[4]
    assert multiply.kept.mask.sum() < 7
    # Of the hub's 7 entries, those kept count 1/7 each.
    np.testing.assert_allclose(hub, float(multiply.kept.mask[torch.tensor(array(jagged())[4] != 0)].sum()) / 7, rtol=1e-6)


def test_a_fresh_kernel_selects_in_every_call():
    selection, calls = counting(TOPK)
    multiply = prepared(selection, Sampling(0.5))
    for seed in range(3):
        multiply(dense(9, 4, seed))
    assert len(calls) == 3


def test_a_cached_kernel_selects_once_in_an_interval_and_keeps_its_choice_between():
    selection, calls = counting(TOPK)
    multiply = prepared(selection, Sampling(0.4, interval=3))
    # Each operand has one large row, another one each time: a fresh selection would keep that.
    operands = [dense(9, 4) for _ in range(4)]
    for row, operand in zip([0, 1, 3, 4], operands, strict=True):
        operand[row] *= 100
    masks = []
    for operand in operands:
        found = multiply(operand)
        masks.append(multiply.kept.mask.clone())
        np.testing.assert_allclose(found, (array(jagged()) * masks[-1].numpy()) @ operand.double().numpy(), rtol=1e-5, atol=1e-5)
    assert len(calls) == 2
    assert torch.equal(masks[0], masks[1])
    assert torch.equal(masks[0], masks[2])
    assert masks[0][0]
    assert masks[3][4]


def test_selecting_and_multiplying_apart_is_calling():
    operand = dense(9, 4)
    apart, whole = prepared(TOPK, Sampling(0.5)), prepared(TOPK, Sampling(0.5))
    apart.select(operand)
    assert torch.equal(apart.multiply(operand), whole(operand))


def test_equal_seeds_draw_alike_and_others_do_not():
    def weights(seed):
        multiply = prepared(SELECTIONS["importance"], Sampling(0.8, seed=seed))
        multiply(dense(9, 4))
        return multiply.kept.weights

    assert torch.equal(weights(1), weights(1))
    assert not torch.equal(weights(1), weights(2))


def test_a_selection_sees_the_scores_the_costs_and_the_budget_in_non_zeros():
    seen = []

    def draw(scores, pair_nnz, most_nnz, generator):
        seen.append((scores, pair_nnz, most_nnz))
        return Kept(torch.ones(9, dtype=torch.bool))

    matrix, operand = jagged(), dense(9, 4)
    prepared(Selection("all", "All.", draw), Sampling(0.3))(operand)
    scores, cost, most = seen[0]
    np.testing.assert_allclose(scores, matrix.column_norms * operand.norm(dim=1), rtol=1e-5)
    assert torch.equal(cost, matrix.column_nnz)
    assert most == int(0.3 * matrix.nnz)


BENT = {
    "nothing": (lambda scores: None, "draw must return a Kept (got None)"),
    "short": (lambda scores: Kept(scores[1:] > 0), "draw must return a mask of (9,), bool on cpu (got (8,), bool on cpu)"),
    "numbers": (lambda scores: Kept(torch.arange(9)), "draw must return a mask of (9,), bool on cpu (got (9,), int64 on cpu)"),
    "scale": (
        lambda scores: Kept(scores >= 0, scores[:3]),
        "draw must return a scale of (9,), float32 on cpu (got (3,), float32 on cpu)",
    ),
}


@pytest.mark.parametrize(("choose", "rule"), BENT.values(), ids=BENT)
def test_a_choice_that_would_be_read_past_its_end_is_refused(choose, rule):
    selection = Selection("bent", "Bent.", lambda scores, pair_nnz, most_nnz, generator: choose(scores))
    with pytest.raises(PluginError) as caught:
        prepared(selection, Sampling(0.5))(dense(9, 4))
    assert str(caught.value) == f"selection 'bent': {rule}"


def test_a_budget_too_small_for_any_pair_gives_zeros():
    assert torch.equal(prepared(TOPK, Sampling(1e-6))(dense(9, 4)), torch.zeros(13, 4))


def test_a_composed_kernel_is_missing_where_its_exact_one_is():
    absent = Kernel("absent", "cpu", "Not here.", torch_reduce.prepare, missing=lambda: "not here: get it")
    assert compose.compose(TOPK, absent, Sampling(0.5)).missing() == "not here: get it"
