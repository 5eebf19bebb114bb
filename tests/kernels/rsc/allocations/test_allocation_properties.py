"""What every allocation must do, over all that are found: a new one is tested the moment its file exists."""

import pytest

pytest.importorskip("hypothesis", reason="hypothesis is not installed: pip install hypothesis")

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from made_layers import budgets, layer_cost, layers, made, minimum

from rsc_bench.kernels.rsc.allocations import Allocation, LayerCost, error, spent
from rsc_bench.plugins import load

ALLOCATIONS = load("allocation")
EVERY = sorted(ALLOCATIONS)
KEEPING = [name for name in EVERY if ALLOCATIONS[name].keeps_budget]
"""Those whose budget is a limit; that of the authors' code has tests of its own."""


def test_an_allocation_is_written_in_the_order_of_its_fields():
    allocate = ALLOCATIONS["uniform"].allocate
    made_here = Allocation("mine", "Alike.", allocate)
    assert (made_here.name, made_here.summary, made_here.allocate) == ("mine", "Alike.", allocate)


def test_an_allocation_that_could_not_be_used_is_refused():
    with pytest.raises(ValueError, match=r"^allocation 'mine': allocate must be a function of 2 arguments \(got None\): give the"):
        Allocation("mine", "Alike.", None)


def all_flops(made_layers):
    return sum(int(layer.pair_nnz.sum()) * layer.width for layer in made_layers)


def sizes(made_layers):
    return [len(layer.scores) for layer in made_layers]


def test_the_papers_allocation_the_optimal_and_the_uniform_one_are_there():
    assert set(EVERY) >= {"greedy", "optimal", "uniform"}
    assert ALLOCATIONS.missing == {}


@pytest.mark.parametrize("name", EVERY)
def test_an_allocation_says_in_one_sentence_what_it_does(name):
    assert isinstance(ALLOCATIONS[name], Allocation)
    assert ALLOCATIONS[name].summary.endswith(".")
    assert "\n" not in ALLOCATIONS[name].summary


@pytest.mark.parametrize("name", KEEPING)
@settings(max_examples=80, deadline=None)
@given(layers(120), budgets)
def test_the_budget_holds_and_k_lies_between_the_minimum_and_the_pairs(name, made_layers, budget):
    k = ALLOCATIONS[name].allocate(made_layers, budget)
    least = [minimum(layer, budget) for layer in made_layers]
    assert all(type(count) is int for count in k)
    assert all(low <= count <= most for low, count, most in zip(least, k, sizes(made_layers), strict=True))
    assert spent(made_layers, k) <= budget * all_flops(made_layers)


@pytest.mark.parametrize("name", KEEPING)
# The same cases each time: the error of `optimal` may rise in one of tens of thousands, which the references' tests show.
@settings(max_examples=80, deadline=None, derandomize=True)
@given(layers(60), budgets, budgets)
def test_more_budget_never_means_more_error(name, made_layers, one, other):
    less, more = (error(made_layers, ALLOCATIONS[name].allocate(made_layers, budget)) for budget in sorted((one, other)))
    assert more <= less + 1e-9 * less


@settings(max_examples=150, deadline=None)
@given(layers(150), budgets)
def test_the_error_of_optimal_is_never_above_that_of_greedy(made_layers, budget):
    optimal, greedy = (error(made_layers, ALLOCATIONS[name].allocate(made_layers, budget)) for name in ("optimal", "greedy"))
    assert optimal <= greedy


@pytest.mark.parametrize("name", EVERY)
@settings(max_examples=30, deadline=None)
@given(layers(60))
def test_the_whole_budget_keeps_every_pair(name, made_layers):
    assert ALLOCATIONS[name].allocate(made_layers, 1.0) == sizes(made_layers)


@pytest.mark.parametrize("name", KEEPING)
@settings(max_examples=30, deadline=None)
@given(layers(60), budgets, st.sampled_from([0.125, 8.0]))
def test_the_unit_of_all_scores_decides_nothing(name, made_layers, budget, unit):
    scaled = [LayerCost(layer.scores * unit, layer.pair_nnz, layer.width, layer.product_norm) for layer in made_layers]
    assert ALLOCATIONS[name].allocate(scaled, budget) == ALLOCATIONS[name].allocate(made_layers, budget)


@pytest.mark.parametrize("name", EVERY)
def test_a_gradient_twice_as_large_changes_nothing_where_its_product_is_too(name):
    first, second = made(80, seed=1), made(80, seed=2)
    doubled = LayerCost(second.scores * 2, second.pair_nnz, 1, second.product_norm * 2)
    assert ALLOCATIONS[name].allocate([first, doubled], 0.3) == ALLOCATIONS[name].allocate([first, second], 0.3)


@pytest.mark.parametrize("name", KEEPING)
@pytest.mark.parametrize("budget", [0.1, 0.33, 0.5, 0.9])
def test_equal_layers_get_equal_shares_up_to_a_step(name, budget):
    scores = [1.02**place for place in range(200)]
    k = ALLOCATIONS[name].allocate([layer_cost(scores, [3] * 200)] * 3, budget)
    assert max(k) - min(k) <= 200 // 50
    assert sum(k) > 3 * 200 * budget - 200 // 50 - 1


@pytest.mark.parametrize(("name", "most"), [("greedy", 94), ("optimal", 95)])
def test_the_layer_that_the_error_depends_on_gets_all_but_the_minimum_of_the_other(name, most):
    # 300 of 600 FLOPs, 15 of them set aside for each layer: 5 pairs of 3. Steps of greedy are two pairs, and the last one of
    # the quiet layer, from 6 to 4, is cut at 5.
    loud, quiet = layer_cost([2.0] * 100, [3] * 100), layer_cost([1.0] * 100, [3] * 100)
    assert ALLOCATIONS[name].allocate([loud, quiet], 0.5) == [most, 5]
    assert ALLOCATIONS[name].allocate([quiet, loud], 0.5) == [5, most]


@pytest.mark.parametrize("name", KEEPING)
def test_a_narrow_layer_of_small_scores_is_not_left_with_nothing(name):
    # What led to the minimum: at C = 0.1 the last of three layers, 41 wide beside 256, got no pair at all.
    wide = [made(2000, "heavy", seed, 256) for seed in (0, 7)]
    narrow = LayerCost(torch.rand(2000, generator=torch.Generator().manual_seed(1)) * 1e-6, wide[0].pair_nnz, 41)
    assert minimum(narrow, 0.1) > 0
    assert ALLOCATIONS[name].allocate([*wide, narrow], 0.1)[2] >= minimum(narrow, 0.1)


@pytest.mark.parametrize("name", ["greedy", "optimal"])
def test_a_minimum_that_grows_by_a_dear_pair_takes_nothing_from_another_layer(name):
    # From C = 0.1 on the first layer's minimum is a pair of 10 FLOPs, which is worth little; 2000 FLOPs in all.
    pair = [layer_cost([0.001] * 100, [10] * 100), layer_cost([1.0] * 1000, [1] * 1000)]
    found = [ALLOCATIONS[name].allocate(pair, flops / 2000) for flops in range(190, 211)]
    assert found[0][0] == 0
    assert found[-1][0] == 1
    assert [k[1] for k in found] == sorted(k[1] for k in found)


@pytest.mark.parametrize("name", KEEPING)
def test_a_minimum_that_buys_not_even_the_first_pair_is_nothing(name):
    # A tenth of half of 20 FLOPs is 1; the first pair costs 15.
    assert ALLOCATIONS[name].allocate([layer_cost([3, 1], [15, 5]), layer_cost([9] * 20, [1] * 20)], 0.5)[0] == 0


def test_uniform_gives_every_layer_its_own_share():
    # 30 % of 10 pairs of 3 non-zeros are 3 pairs; the first of the second layer costs more than 30 % of it.
    assert ALLOCATIONS["uniform"].allocate([layer_cost(range(10), [3] * 10), layer_cost([9, 1], [7, 3], width=5)], 0.3) == [3, 0]


@pytest.mark.parametrize("name", KEEPING)
def test_layers_without_scores_without_pairs_and_no_layer_at_all_are_allowed(name):
    allocate = ALLOCATIONS[name].allocate
    assert allocate([], 0.5) == []
    assert allocate([layer_cost([], [])], 0.5) == [0]
    assert allocate([layer_cost([1, 2], [0, 0])], 0.5) == [2], "what costs nothing is kept"
    assert spent([made(9, "zero")], allocate([made(9, "zero")], 0.5)) <= 0.5 * all_flops([made(9, "zero")])


@pytest.mark.parametrize("name", KEEPING)
@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_pair_whose_gradient_overflowed_is_kept(name, bad):
    layers_with_bad = [layer_cost([1, bad, 2, 3], [1, 1, 1, 1], product_norm=bad), layer_cost([5] * 4, [1] * 4)]
    k = ALLOCATIONS[name].allocate(layers_with_bad, 0.5)
    assert k[0] >= 1
    assert sum(k) <= 4


@pytest.mark.parametrize("name", EVERY)
def test_what_was_given_is_left_as_it_was(name):
    layer = made(50, seed=4)
    before = layer.scores.clone(), layer.pair_nnz.clone()
    ALLOCATIONS[name].allocate([layer], 0.4)
    assert torch.equal(layer.scores, before[0])
    assert torch.equal(layer.pair_nnz, before[1])


@pytest.mark.parametrize("name", EVERY)
def test_a_budget_that_is_no_share_is_refused_by_every_allocation(name):
    with pytest.raises(ValueError, match=r"^budget must lie in \(0, 1\] \(got 1.5\): it is a share of the exact FLOPs$"):
        ALLOCATIONS[name].allocate([made(5)], 1.5)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("name", EVERY)
def test_a_gpu_allocates_as_the_cpu_does(name):
    here = [made(3000, kind, seed, 16) for seed, kind in enumerate(("heavy", "tied", "rising"))]
    there = [LayerCost(each.scores.cuda(), each.pair_nnz.cuda(), 16, torch.tensor(each.product_norm).cuda()) for each in here]
    assert ALLOCATIONS[name].allocate(there, 0.2) == ALLOCATIONS[name].allocate(here, 0.2)
