"""Compares the allocations with every combination of k and with the algorithm of the paper in plain loops."""

from itertools import product

import pytest

pytest.importorskip("hypothesis", reason="hypothesis is not installed: pip install hypothesis")

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from made_layers import KINDS, budgets, layer_cost, layers, made, minimum, ranked, set_aside

from rsc_bench.kernels.rsc.allocations import error, spent
from rsc_bench.plugins import load

ALLOCATIONS = load("allocation")


def every_k(made_layers, budget):
    """Error and FLOPs of every combination of k that leaves each layer its minimum, (combinations,) each.

    A layer counts with the whole FLOPs set aside for it at least.
    """
    errors, costs = [], []
    for layer in made_layers:
        scores, flops = ranked(layer)
        k = range(minimum(layer, budget), len(scores) + 1)
        errors.append([scores[kept:].sum() / layer.product_norm for kept in k])
        costs.append([max(flops[:kept].sum(), int(set_aside(layer, budget))) for kept in k])
    return np.array([sum(each) for each in product(*errors)]), np.array([sum(each) for each in product(*costs)])


def counted(made_layers, k, budget):
    """FLOPs of the kept pairs, of each layer those set aside for it at least."""
    return sum(max(spent([layer], [kept]), set_aside(layer, budget)) for layer, kept in zip(made_layers, k, strict=True))


def paper_greedy(made_layers, budget):
    """Algorithm 1 of RSC as it is written: look at every layer's next step, take the one that adds least, count anew.

    With our minimum: a layer that is at it has no next step, and a step that would pass it is cut.
    """
    k = [len(layer.scores) for layer in made_layers]
    steps = [0] * len(k)
    limit = budget * spent(made_layers, k)
    least = [minimum(layer, budget) for layer in made_layers]
    while counted(made_layers, k, budget) > limit:
        rises = {}
        for layer, pairs in enumerate(len(each.scores) for each in made_layers):
            if k[layer] > least[layer]:
                fewer = [*k[:layer], pairs - (steps[layer] + 1) * pairs // 50, *k[layer + 1 :]]
                rises[layer] = (error(made_layers, fewer) - error(made_layers, k), fewer[layer])
        layer = min(rises, key=lambda each: (round(rises[each][0], 9), each))
        k[layer] = max(rises[layer][1], least[layer])
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
@pytest.mark.parametrize("name", [name for name in sorted(ALLOCATIONS) if ALLOCATIONS[name].keeps_budget])
@pytest.mark.parametrize("budget", [0.05, 0.3, 0.77])
def test_one_layer_keeps_as_many_pairs_as_it_can_pay_for(kind, name, budget):
    layer = made(40, kind, seed=5, width=3)  # fewer than 50: a step of greedy is one pair at most
    errors, costs = every_k([layer], budget)
    best = errors[costs <= budget * costs.max()].min()
    assert error([layer], ALLOCATIONS[name].allocate([layer], budget)) == pytest.approx(best)


@settings(max_examples=150, deadline=None)
@given(layers(6, most_layers=3), budgets, st.floats(1e-4, 10))
def test_optimal_lies_between_the_best_of_all_and_any_hull_corner_that_is_paid_for(made_layers, budget, price):
    found = error(made_layers, ALLOCATIONS["optimal"].allocate(made_layers, budget))
    errors, costs = every_k(made_layers, budget)
    limit = budget * costs.max()
    assert found >= errors[costs <= limit].min() - 1e-9 * errors.max()
    # What minimises error + price * FLOPs is a corner of the hull of all combinations: the stated gap is one segment of it.
    corner = np.argmin(errors + price * costs)
    if costs[corner] <= limit:
        assert found <= errors[corner] + 1e-9 * errors.max()


@settings(max_examples=150, deadline=None)
@given(layers(6, most_layers=3), st.floats(1e-4, 10))
def test_optimal_is_the_best_of_all_where_whole_segments_use_up_the_budget(made_layers, price):
    errors, costs = every_k(made_layers, 1e-9)
    corner = np.argmin(errors + price * costs)
    assume(costs[corner] > 0)
    # The half FLOP keeps rounding of the budget from taking one away; it pays for nothing.
    budget = min(1.0, (costs[corner] + 0.5) / costs.max())
    errors, costs = every_k(made_layers, budget)
    corner = np.argmin(errors + price * costs)
    # With the minima of that budget the corner may be another.
    assume(costs[corner] == int(budget * costs.max()))
    found = error(made_layers, ALLOCATIONS["optimal"].allocate(made_layers, budget))
    assert found == pytest.approx(errors[costs <= costs[corner]].min(), abs=1e-9 * errors.max())


def test_optimal_pays_for_a_dear_pair_to_reach_the_cheap_ones_behind_it():
    # Behind a pair of score 3 and 6 FLOPs come four of score 2.9 and 1 FLOP: together 14.6 for 10, more a FLOP than the
    # other layer's 1.2. A merge pair by pair would stop at the dear one, whose 3 for 6 look worst.
    hidden, plain = layer_cost([3, 2.9, 2.9, 2.9, 2.9], [6, 1, 1, 1, 1]), layer_cost([1.2] * 10, [1] * 10)
    assert ALLOCATIONS["optimal"].allocate([hidden, plain], 0.5) == [5, 0]


def test_optimal_keeps_what_is_worth_more_per_flop_and_greedy_does_not_look_at_the_cost():
    dear, cheap = layer_cost([2.0] * 50, [1] * 50, width=10), layer_cost([1.0] * 50, [1] * 50, width=1)
    pair = [dear, cheap]
    # 55 of 550 FLOPs, 5 of them set aside for the dear layer, whose pairs cost 10: 50 pay for all of the cheap layer, 50
    # scores of 1, or with those 5 for five pairs of the dear one, 5 scores of 2.
    assert ALLOCATIONS["optimal"].allocate(pair, 55 / 550) == [0, 50]
    assert ALLOCATIONS["greedy"].allocate(pair, 55 / 550) == [5, 0]


@pytest.mark.parametrize("equal_at", [0, 1])
def test_optimal_fills_up_what_whole_segments_leave_in_whichever_layer_it_can(equal_at):
    # 100 FLOPs: a precious pair of 1, then a segment of 200 equal pairs that does not fit: 99 of them do. Greedy's steps
    # of 4 leave 96.
    precious, equal = layer_cost([1000], [1]), layer_cost([1] * 200, [1] * 200)
    pair = [precious, equal] if equal_at else [equal, precious]
    assert ALLOCATIONS["optimal"].allocate(pair, 100.5 / 201)[equal_at] == 99
    assert ALLOCATIONS["greedy"].allocate(pair, 100.5 / 201)[equal_at] == 96


def test_optimal_takes_the_steps_of_greedy_where_they_use_the_budget_better():
    # 10 FLOPs, and half a one for what is set aside: by worth per FLOP the 8 for 4 comes first and one 9 for 5 after it, 17
    # in all; the two 9s for 5 fill it.
    three = [layer_cost([8], [4]), layer_cost([9], [5]), layer_cost([9], [5])]
    assert ALLOCATIONS["greedy"].allocate(three, 10.5 / 14) == [0, 1, 1]
    assert ALLOCATIONS["optimal"].allocate(three, 10.5 / 14) == [0, 1, 1]


def test_optimal_gives_what_is_left_to_one_layer_so_that_one_more_flop_never_raises_the_error():
    # Filling up the layers in turn leaves an error of 18 with 5 FLOPs and of 20 with 6: the first layer then takes the pair
    # of 5, and nothing is left for the others. Found by a random search.
    three = [layer_cost([5, 2], [1, 5]), layer_cost([2, 2], [2, 1]), layer_cost([8, 8], [9, 2])]
    errors = [error(three, ALLOCATIONS["optimal"].allocate(three, (flops + 0.5) / 20)) for flops in range(20)]
    assert errors == sorted(errors, reverse=True)
    assert errors[5] == errors[6] == 18


def test_optimal_may_lose_less_than_a_segment_where_a_minimum_that_grew_lets_another_segment_overtake():
    # At 399 FLOPs the first segment of the third layer, shortened by the 25 set aside for it, comes before five pairs of the
    # second, which cost 203 and save 55: two pairs of the third fit, and the five no longer. Found by a random search.
    few = layer_cost([19, 11, 10], [0, 5, 0], width=6)
    some = layer_cost([20, 19, 14, 12, 10, 0], [6, 12, 7, 10, 0, 6], width=7)
    more = layer_cost([17, 13, 10, 9, 6, 6, 5, 4], [11, 4, 8, 6, 6, 10, 7, 7], width=9)
    before, after = (ALLOCATIONS["optimal"].allocate([few, some, more], (flops + 0.5) / 848) for flops in (398, 399))
    assert (before, after) == ([3, 5, 1], [3, 3, 2])
    assert 0 < error([few, some, more], after) - error([few, some, more], before) < 55
