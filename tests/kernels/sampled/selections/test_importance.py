import numpy as np
import pytest
import torch
from made_matrices import array, dense, jagged

from rsc_bench.kernels.sampled.selections import importance
from rsc_bench.kernels.sampled.selections.importance import MOST_DRAWS, Draws, affordable_draws, count_draws, draw_times


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def draws(scores, cost, most, count, seed=0):
    generator = seeded(seed)
    return [importance.draw(scores, cost, most, generator) for _ in range(count)]


def test_the_mean_over_draws_is_the_exact_product():
    matrix, operand = jagged(), dense(9, 4)
    scores = matrix.column_norms * operand.norm(dim=1)
    found = draws(scores, matrix.column_nnz, matrix.nnz * 3 // 4, 4000)
    weights = torch.stack([kept.weights for kept in found]).double()
    terms = torch.from_numpy(array(matrix).T[:, :, None] * operand.double().numpy()[:, None])  # (pairs, rows, width)
    products = torch.einsum("np,prw->nrw", weights, terms)
    # The mean of 4000 draws spreads by 1/sqrt(4000) of one draw; five of these, over 52 entries.
    spread = products.std(0) / 4000**0.5
    assert torch.all((products.mean(0) - terms.sum(0)).abs() <= 5 * spread + 1e-6)
    assert spread.max() > 0


def test_a_pair_counts_as_often_as_it_was_drawn_over_its_expectation():
    scores, cost = torch.tensor([1.0, 2.0, 5.0]), torch.tensor([1, 1, 1])
    probability = scores.double() / 8
    draws_planned = int(affordable_draws(probability, cost.double(), 3))
    for kept in draws(scores, cost, 3, 20):
        times = kept.weights.double() * draws_planned * probability
        np.testing.assert_allclose(times, times.round(), atol=1e-5)
        assert float(times.sum()) == pytest.approx(draws_planned)


def test_the_number_of_draws_does_not_depend_on_what_was_drawn():
    scores, cost = torch.rand(40, generator=seeded(5)) + 0.1, torch.randint(1, 9, (40,), generator=seeded(6))
    probability = scores.double() / scores.double().sum()
    counts = {round(float((kept.weights.double() * probability).sum()), 5) for kept in draws(scores, cost, 90, 50)}
    assert counts == {1.0}, "sum of c / k over the pairs: one for each draw"


@pytest.mark.parametrize("most", [0, 20, 90, 150])
def test_the_number_of_draws_is_the_largest_whose_expected_cost_fits(most):
    probability, cost = torch.full((40,), 1 / 40, dtype=torch.float64), torch.full((40,), 4.0, dtype=torch.float64)

    def spent(draws):
        seen = 1 - (1 - 1 / 40) ** draws
        return 40 * seen * 4 + 3 * (40 * seen * (1 - seen) * 16) ** 0.5

    expected = next(draws for draws in range(1000) if spent(draws + 1) > most)
    assert int(affordable_draws(probability, cost, most)) == expected


def test_of_more_draws_than_the_host_knows_to_count_the_first_count():
    scores, cost = torch.rand(40, generator=seeded(5)) + 0.1, torch.randint(1, 9, (40,), generator=seeded(6))
    probability = scores.double() / scores.double().sum()
    counted, generator = affordable_draws(probability, cost.double(), 90), seeded()
    draws_planned = int(counted)
    as_on_a_gpu = Draws(counted, MOST_DRAWS * 40)
    assert 0 < draws_planned < as_on_a_gpu.made
    for kept in (draw_times(as_on_a_gpu, probability, cost, 90, generator) for _ in range(20)):
        times = kept.weights.double() * draws_planned * probability
        np.testing.assert_allclose(times, times.round(), atol=1e-5)
        assert float(times.sum()) == pytest.approx(draws_planned)


def test_what_does_not_fit_all_the_same_is_left_out_and_the_rest_keeps_its_scale():
    probability, cost = torch.full((50,), 1 / 50, dtype=torch.float64), torch.full((50,), 3)
    kept = draw_times(Draws(torch.tensor(400), 400), probability, cost, 30, seeded())
    assert int(cost[kept.mask].sum()) == 30, "of 50 pairs that were all drawn"
    times = kept.weights.double() * 400 / 50
    np.testing.assert_allclose(times, times.round(), atol=1e-5)


def test_a_draw_nearly_always_fits_at_the_first_try():
    scores, cost = torch.rand(2000, generator=seeded(5)) + 0.1, torch.randint(1, 30, (2000,), generator=seeded(6))
    most = int(cost.sum()) // 5
    probability = scores.double() / scores.double().sum()
    planned, generator = Draws.plan(affordable_draws(probability, cost.double(), most), len(cost)), seeded()
    spent = [int(cost[count_draws(planned, probability, generator) > 0].sum()) for _ in range(500)]
    assert sum(cost > most for cost in spent) <= 5
    assert np.mean(spent) > 0.8 * most, "and is not timid"


def test_a_pair_of_score_zero_is_never_drawn():
    scores = torch.tensor([0.0, 1.0, 0.0, 1.0, 0.0])
    for kept in draws(scores, torch.ones(5, dtype=torch.int64), 4, 100):
        assert not kept.mask[scores == 0].any()


@pytest.mark.parametrize("scores", [[0.0, 0.0], [float("nan"), 1.0], [float("inf"), 1.0], []])
def test_scores_that_are_no_distribution_keep_nothing(scores):
    kept = importance.draw(torch.tensor(scores), torch.ones(len(scores), dtype=torch.int64), 2, seeded())
    assert not kept.mask.any()
    assert kept.scale.tolist() == [0.0] * len(scores)


def test_a_budget_for_everything_draws_a_bounded_number_of_times():
    kept = importance.draw(torch.ones(8), torch.ones(8, dtype=torch.int64), 8, seeded())
    assert kept.mask.all()
    assert torch.all(kept.weights > 0.5)
