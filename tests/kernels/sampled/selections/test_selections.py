"""What every selection must do, over all that are found: a new one is tested the moment its file exists."""

import pytest

pytest.importorskip("hypothesis", reason="hypothesis is not installed: pip install hypothesis")

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rsc_bench.kernels.sampled.selections import Kept, Selection, affordable, affordable_prefix
from rsc_bench.plugins import load

SELECTIONS = load("selection")
OF_PAIRS = sorted(name for name, each in SELECTIONS.items() if each.draw is not None)


@pytest.fixture(params=OF_PAIRS)
def selection(request):
    return SELECTIONS[request.param]


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def heavy_tailed(pairs, seed):
    """Scores and costs of which a few are far larger than all others, and some are 0."""
    generator = torch.Generator().manual_seed(seed)
    score = torch.randn(pairs, generator=generator).mul(2).exp() * (torch.rand(pairs, generator=generator) < 0.9)
    cost = torch.rand(pairs, generator=generator).clamp(min=1e-3).pow(-1.2).long()
    return score, cost


def spent(kept, cost):
    return int(cost[kept.mask].sum())


def test_the_papers_selection_and_both_ablations_are_there():
    assert {"topk", "random", "importance"} <= set(SELECTIONS)
    assert SELECTIONS.missing == {}


@pytest.mark.parametrize("selection", SELECTIONS.values(), ids=SELECTIONS)
def test_a_selection_says_what_it_keeps(selection):
    assert isinstance(selection, Selection)
    assert selection.name.isidentifier()
    assert not selection.name.startswith("cached_"), "that is what caching puts in front"
    assert selection.summary.endswith(".")
    assert "\n" not in selection.summary


def test_a_selection_is_written_in_the_order_of_its_fields():
    draw = SELECTIONS["topk"].draw
    made = Selection("mine", "Some pairs.", draw)
    assert (made.name, made.summary, made.draw) == ("mine", "Some pairs.", draw)


@pytest.mark.parametrize("name", ["top-k", "my pairs", "topk(mkl)", "cached_mine"])
def test_a_name_that_a_kernels_name_could_not_be_read_back_from_is_refused(name):
    with pytest.raises(ValueError, match="must be letters") as caught:
        Selection(name, "Some pairs.", SELECTIONS["topk"].draw)
    rule = "a selection's name must be letters, digits and underscores, and not begin with 'cached_'"
    assert str(caught.value) == f"{rule} (got {name!r}): kernels are named `topk(mkl)`, `cached_topk(mkl)`"


def test_a_selection_that_cannot_draw_is_refused():
    with pytest.raises(ValueError, match=r"selection 'mine': draw must be a function of 4 arguments or None \(got 3\)"):
        Selection("mine", "Some pairs.", 3)


@pytest.mark.parametrize("given", ["neither", "both"])
def test_a_selection_chooses_either_pairs_or_edges(given):
    ways = {} if given == "neither" else {"draw": SELECTIONS["topk"].draw, "edges": lambda matrix, most_nnz: None}
    with pytest.raises(ValueError, match=rf"selection 'mine': must have draw, .*, or edges, .* \(got {given}\)"):
        Selection("mine", "Some.", **ways)


@settings(max_examples=40, deadline=None)
@given(pairs=st.integers(1, 60), seed=st.integers(0, 2**31), budget=st.floats(0, 1))
@pytest.mark.parametrize("name", OF_PAIRS)
def test_the_kept_pairs_never_cost_more_than_they_may(name, pairs, seed, budget):
    score, cost = heavy_tailed(pairs, seed)
    most = int(budget * int(cost.sum()))
    kept = SELECTIONS[name].draw(score, cost, most, seeded(seed))
    assert kept.mask.dtype == torch.bool
    assert kept.mask.shape == (pairs,)
    assert spent(kept, cost) <= most
    if kept.scale is not None:
        assert kept.scale.dtype == torch.float32
        assert torch.isfinite(kept.scale).all()
        assert torch.equal(kept.scale != 0, kept.mask)
    assert torch.equal(kept.weights != 0, kept.mask)


@pytest.mark.parametrize("name", ["topk", "random"])
def test_what_can_pay_for_all_pairs_keeps_all(name):
    score, cost = heavy_tailed(50, seed=1)
    assert SELECTIONS[name].draw(score, cost, int(cost.sum()), seeded()).mask.all()


def test_what_was_given_is_left_as_it_was(selection):
    score, cost = heavy_tailed(50, seed=1)
    before = score.clone(), cost.clone()
    selection.draw(score, cost, 20, seeded())
    assert torch.equal(score, before[0])
    assert torch.equal(cost, before[1])


def test_nothing_is_kept_where_nothing_may_be_spent(selection):
    kept = selection.draw(torch.ones(4), torch.full((4,), 3), 2, seeded())
    assert not kept.mask.any()


def test_equal_generators_keep_equal_pairs(selection):
    score, cost = heavy_tailed(50, seed=1)
    first, second = (selection.draw(score, cost, 60, seeded(3)) for _ in range(2))
    assert torch.equal(first.weights, second.weights)


def test_the_score_decides_nothing_for_random_where_none_is_zero():
    score, cost = heavy_tailed(50, seed=1)
    score, order = score.clamp(min=1e-9), torch.randperm(50, generator=seeded(3))
    wanted = affordable(order, cost, 60)
    for scores in (score, score.flip(0), torch.full((50,), torch.nan)):
        assert torch.equal(SELECTIONS["random"].draw(scores, cost, 60, seeded(3)).mask, wanted)


def test_random_draws_among_pairs_with_a_score_first_and_each_equally_often():
    score, cost = (torch.arange(20) % 2).float(), torch.ones(20, dtype=torch.int64)  # every other pair has one
    generator = seeded()
    kept = torch.stack([SELECTIONS["random"].draw(score, cost, 3, generator).mask for _ in range(2000)]).long()
    assert torch.equal(kept.sum(1), torch.full((2000,), 3))
    assert int(kept[:, score == 0].sum()) == 0
    assert torch.all((kept[:, score > 0].sum(0) - 600).abs() <= 103)  # as below
    more = SELECTIONS["random"].draw(score, cost, 13, generator).mask
    assert bool(more[score > 0].all()), "all of them where they fit"
    assert int(more.sum()) == 13


def test_a_pair_without_a_score_is_not_taken_in_the_place_of_one_that_does_not_fit():
    score, cost = torch.tensor([1.0, 0.0, 0.0]), torch.tensor([9, 1, 0])
    assert SELECTIONS["random"].draw(score, cost, 4, seeded()).mask.tolist() == [False, False, True]


def test_without_any_score_random_draws_among_all_pairs():
    cost = torch.ones(10, dtype=torch.int64)
    assert int(SELECTIONS["random"].draw(torch.zeros(10), cost, 4, seeded()).mask.sum()) == 4
    assert not len(SELECTIONS["random"].draw(torch.zeros(0), torch.zeros(0, dtype=torch.int64), 4, seeded()).mask)


def test_random_draws_anew_from_a_generator_that_has_moved_on():
    generator, cost = seeded(), torch.ones(50, dtype=torch.int64)
    first, second = (SELECTIONS["random"].draw(torch.ones(50), cost, 10, generator) for _ in range(2))
    assert int(first.mask.sum()) == int(second.mask.sum()) == 10
    assert not torch.equal(first.mask, second.mask)


def test_random_keeps_each_pair_equally_often():
    generator, cost = seeded(), torch.ones(10, dtype=torch.int64)
    kept = sum(SELECTIONS["random"].draw(torch.ones(10), cost, 3, generator).mask.long() for _ in range(2000))
    # Binomial with 2000 draws of 0.3: 600 and a standard deviation of 20.5; five of them.
    assert torch.all((kept - 600).abs() <= 103)


def test_a_prefix_ends_at_the_first_pair_that_does_not_fit():
    order, cost = torch.tensor([2, 0, 1, 3]), torch.tensor([5, 1, 4, 0])
    assert affordable_prefix(order, cost, 8).tolist() == [False, False, True, False]
    assert affordable_prefix(order, cost, 9).tolist() == [True, False, True, False]


def test_what_is_affordable_goes_on_behind_a_pair_that_does_not_fit():
    order, cost = torch.tensor([2, 0, 1, 3]), torch.tensor([5, 1, 4, 0])
    assert affordable(order, cost, 8).tolist() == [False, True, True, True]
    assert affordable(order, cost, 9).tolist() == [True, False, True, False]


def test_the_weights_of_a_selection_that_does_not_scale_are_ones():
    assert Kept(torch.tensor([True, False])).weights.tolist() == [1, 0]
