import pytest

pytest.importorskip("hypothesis", reason="hypothesis is not installed: pip install hypothesis")

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from made_layers import layer_cost, made

from rsc_bench.kernels.rsc.allocations import LayerCost, error, flops_limit, frontier, kept_nnz, ranking, spent

# Ranked: pair 2 (score 4, 1 non-zero), pair 0 (score 2, 5 non-zeros), pair 3 (score 1, 2), pair 1 (score 0, 3).
FOUR = ([2, 0, 4, 1], [5, 3, 1, 2])


def test_the_frontier_of_four_pairs_worked_by_hand():
    found = frontier(layer_cost(*FOUR, width=10, product_norm=2.0))
    assert found.pairs == 4
    assert found.error.tolist() == [7 / 2, 3 / 2, 1 / 2, 0, 0]
    assert found.flops.tolist() == [0, 10, 60, 80, 110]


def test_error_and_flops_of_kept_pairs_are_summed_over_layers():
    layers = [layer_cost(*FOUR, width=10, product_norm=2.0), layer_cost([3, 1], [7, 2], width=3)]
    assert error(layers, [2, 1]) == 1 / 2 + 1
    assert kept_nnz(layers, [2, 1]) == [6, 7]
    assert spent(layers, [2, 1]) == 6 * 10 + 7 * 3
    assert kept_nnz([], []) == []


def test_keeping_all_pairs_has_no_error_at_all():
    scores = torch.rand(1000, generator=torch.Generator().manual_seed(0)) * 1e6
    layer = LayerCost(scores, torch.ones(1000, dtype=torch.int64), 1)
    assert error([layer], [1000]) == 0
    # Without the lowest score, that score is the error: it is not lost in the sum of the others.
    assert error([layer], [999]) == float(scores.min())


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0, width=32) | st.sampled_from([0.0, -0.0, 1.0, float("inf"), float("nan")]), max_size=40))
def test_pairs_are_ranked_as_torchs_stable_sort_ranks_them(scores):
    given_scores = torch.tensor(scores, dtype=torch.float32)
    assert ranking(given_scores).tolist() == given_scores.argsort(descending=True, stable=True).tolist()


def test_equal_scores_rank_by_index_and_nan_ranks_first():
    assert ranking(torch.tensor([1.0, 2.0, 1.0, float("nan"), 2.0])).tolist() == [3, 1, 4, 0, 2]


def test_scores_of_low_precision_that_carry_a_gradient_are_ranked_without_one():
    scores = torch.tensor([1.0, 3.0, 2.0], dtype=torch.bfloat16, requires_grad=True)
    assert ranking(scores).tolist() == [1, 2, 0]
    assert not frontier(LayerCost(scores, torch.ones(3, dtype=torch.int64), 1)).error.requires_grad


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_score_that_is_not_finite_ranks_first_and_drowns_no_other(bad):
    layer = layer_cost([1, bad, 2], [1, 1, 1])
    assert error([layer], [1]) == 3
    assert error([layer], [0]) >= torch.finfo(torch.float32).max


@pytest.mark.parametrize("norm", [0.0, float("nan"), float("inf"), torch.tensor(0.0)])
def test_an_error_without_a_usable_norm_is_not_scaled(norm):
    assert error([layer_cost(*FOUR, product_norm=norm)], [2]) == 1


def test_a_norm_may_be_a_tensor():
    assert error([layer_cost(*FOUR, product_norm=torch.tensor(4.0, dtype=torch.bfloat16))], [2]) == 1 / 4


def test_error_and_cost_never_turn_back_along_a_frontier():
    found = frontier(made(500, "heavy", seed=3, width=7))
    assert (np.diff(found.error) <= 0).all()
    assert (np.diff(found.flops) >= 0).all()


def test_a_layer_without_pairs_has_one_point_on_its_frontier():
    found = frontier(layer_cost([], []))
    assert found.error.tolist() == [0]
    assert found.flops.tolist() == [0]


@pytest.mark.parametrize("budget", [0, -0.1, 1.5, float("nan")])
def test_a_budget_that_is_no_share_is_refused(budget):
    with pytest.raises(ValueError, match=r"^budget must lie in \(0, 1\] \(got "):
        flops_limit(100, budget)


def test_the_limit_is_a_share_of_all_flops():
    assert flops_limit(110, 0.1) == 11
    assert flops_limit(109, 0.1) == 10
    assert flops_limit(109, 1) == 109


def test_scores_and_costs_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match=r"one entry a pair \(got \(2,\) and \(3,\)\)"):
        layer_cost([1, 2], [1, 1, 1])


def test_a_layer_without_columns_is_refused():
    with pytest.raises(ValueError, match=r"width must be at least 1 \(got 0\)"):
        layer_cost([1], [1], width=0)
