"""Compares the allocations with every combination of k and with the algorithm of the paper in plain loops."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_layers import KINDS, budgets, layer_cost, layers, made

from harness.plugins import load
from kernels.rsc.allocation import error, spent

ALLOCATIONS = load("kernels.rsc.allocations", "ALLOCATION")


def every_k(made_layers):
    """(combinations,) error and FLOPs of every combination of k, from sums over the sorted scores."""
    errors, costs = [], []
    for layer in made_layers:
        score, nnz = layer.scores.double().numpy(), layer.pair_nnz.numpy()
        order = np.argsort(-score, kind="stable")
        errors.append([score[order[k:]].sum() / layer.product_norm for k in range(len(score) + 1)])
        costs.append([nnz[order[:k]].sum() * layer.width for k in range(len(score) + 1)])
    return np.array([sum(each) for each in product(*errors)]), np.array([sum(each) for each in product(*costs)])


def paper_greedy(made_layers, budget):
    """Algorithm 1 of RSC as it is written: look at every layer's next step, take the one that adds least, count anew."""
    k = [len(layer.scores) for layer in made_layers]
    steps = [0] * len(k)
    limit = budget * spent(made_layers, k)
    while spent(made_layers, k) > limit:
        rises = {}
        for layer, pairs in enumerate(len(each.scores) for each in made_layers):
            if steps[layer] < 50:
                fewer = [*k[:layer], pairs - (steps[layer] + 1) * pairs // 50, *k[layer + 1 :]]
                rises[layer] = (error(made_layers, fewer) - error(made_layers, k), fewer)
        layer = min(rises, key=lambda each: (round(rises[each][0], 9), each))
        k = rises[layer][1]
        steps[layer] += 1
    return k


@pytest.mark.parametrize("budget", [0.05, 0.1, 0.37, 0.8])
def test_greedy_takes_the_steps_of_the_papers_algorithm(budget):
    # Costs and scores of different layers in different proportion; 100, 150 and 70 pairs in steps of 2, 3 and 1 or 2.
    made_layers = [made(100, "heavy", 1, 16), made(150, "rising", 2, 16), made(70, "heavy", 3, 4)]
    assert ALLOCATIONS["greedy"].allocate(made_layers, budget) == paper_greedy(made_layers, budget)


def test_greedy_worked_by_hand():
    # Two layers of 50 pairs: a step is one pair. The errors of dropping one after another are 1, 2, 3, ... and 10, 20, 30, ...:
    # to save 12 of 100 FLOPs, 1 to 10 go (the first of two that tie is the first layer's), then the 10 and the 11.
    first, second = layer_cost(range(1, 51), [1] * 50), layer_cost(range(10, 510, 10), [1] * 50)
    assert ALLOCATIONS["greedy"].allocate([first, second], 0.88) == [50 - 11, 50 - 1]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", sorted(ALLOCATIONS))
@pytest.mark.parametrize("budget", [0.05, 0.3, 0.77])
def test_one_layer_keeps_as_many_pairs_as_it_can_pay_for(kind, name, budget):
    layer = made(40, kind, seed=5, width=3)  # fewer than 50: a step of greedy is one pair at most
    errors, costs = every_k([layer])
    best = errors[costs <= budget * costs.max()].min()
    assert error([layer], ALLOCATIONS[name].allocate([layer], budget)) == pytest.approx(best)


@settings(max_examples=150, deadline=None)
@given(layers(6, most_layers=3), budgets, st.floats(1e-4, 10))
def test_optimal_lies_between_the_best_of_all_and_any_hull_corner_that_is_paid_for(made_layers, budget, price):
    found = error(made_layers, ALLOCATIONS["optimal"].allocate(made_layers, budget))
    errors, costs = every_k(made_layers)
    limit = budget * costs.max()
    assert found >= errors[costs <= limit].min() - 1e-9 * errors.max()
    # What minimises error + price * FLOPs is a corner of the hull of all combinations: the stated gap is one segment of it.
    corner = np.argmin(errors + price * costs)
    if costs[corner] <= limit:
        assert found <= errors[corner] + 1e-9 * errors.max()


@settings(max_examples=150, deadline=None)
@given(layers(6, most_layers=3), st.floats(1e-4, 10))
def test_optimal_is_the_best_of_all_where_whole_segments_use_up_the_budget(made_layers, price):
    errors, costs = every_k(made_layers)
    corner = np.argmin(errors + price * costs)
    if costs[corner] > 0:
        # The half FLOP keeps rounding of the budget from taking one away; it pays for nothing.
        budget = min(1.0, (costs[corner] + 0.5) / costs.max())
        found = error(made_layers, ALLOCATIONS["optimal"].allocate(made_layers, budget))
        best = errors[costs <= costs[corner]].min()
        assert found == pytest.approx(best, abs=1e-9 * errors.max())


def test_optimal_pays_for_a_dear_pair_to_reach_the_cheap_ones_behind_it():
    # Behind a pair of score 3 and 6 FLOPs come four of score 2.9 and 1 FLOP: together 14.6 for 10, more a FLOP than the
    # other layer's 1.2. A merge pair by pair would stop at the dear one, whose 3 for 6 look worst.
    hidden, plain = layer_cost([3, 2.9, 2.9, 2.9, 2.9], [6, 1, 1, 1, 1]), layer_cost([1.2] * 10, [1] * 10)
    assert ALLOCATIONS["optimal"].allocate([hidden, plain], 0.5) == [5, 0]


def test_optimal_keeps_what_is_worth_more_per_flop_and_greedy_does_not_look_at_the_cost():
    dear, cheap = layer_cost([2.0] * 50, [1] * 50, width=10), layer_cost([1.0] * 50, [1] * 50, width=1)
    pair = [dear, cheap]
    # 50 of 550 FLOPs pay for all of the cheap layer, 50 scores of 1, or for five pairs of the dear one, 5 scores of 2.
    assert ALLOCATIONS["optimal"].allocate(pair, 50 / 550) == [0, 50]
    assert ALLOCATIONS["greedy"].allocate(pair, 50 / 550) == [5, 0]


@pytest.mark.parametrize("equal_at", [0, 1])
def test_optimal_fills_up_what_whole_segments_leave_in_whichever_layer_it_can(equal_at):
    # 100 FLOPs: a precious pair of 1, then a segment of 200 equal pairs that does not fit: 99 of them do. Greedy's steps
    # of 4 leave 96.
    precious, equal = layer_cost([1000], [1]), layer_cost([1] * 200, [1] * 200)
    pair = [precious, equal] if equal_at else [equal, precious]
    assert ALLOCATIONS["optimal"].allocate(pair, 100.5 / 201)[equal_at] == 99
    assert ALLOCATIONS["greedy"].allocate(pair, 100.5 / 201)[equal_at] == 96


def test_optimal_takes_the_steps_of_greedy_where_they_use_the_budget_better():
    # 10 FLOPs: by worth per FLOP the 8 for 4 comes first and one 9 for 5 after it, 17 in all; the two 9s for 5 fill it.
    three = [layer_cost([8], [4]), layer_cost([9], [5]), layer_cost([9], [5])]
    assert ALLOCATIONS["greedy"].allocate(three, 10 / 14) == [0, 1, 1]
    assert ALLOCATIONS["optimal"].allocate(three, 10 / 14) == [0, 1, 1]


def test_optimal_gives_what_is_left_to_one_layer_so_that_one_more_flop_never_raises_the_error():
    # Filling up the layers in turn leaves an error of 18 with 5 FLOPs and of 20 with 6: the first layer then takes the pair
    # of 5, and nothing is left for the others. Found by a random search.
    three = [layer_cost([5, 2], [1, 5]), layer_cost([2, 2], [2, 1]), layer_cost([8, 8], [9, 2])]
    errors = [error(three, ALLOCATIONS["optimal"].allocate(three, (flops + 0.5) / 20)) for flops in range(20)]
    assert errors == sorted(errors, reverse=True)
    assert errors[5] == errors[6] == 18
