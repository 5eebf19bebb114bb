from functools import partial

import pytest

pytest.importorskip("hypothesis", reason="hypothesis is not installed: pip install hypothesis")

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from made_graphs import topk_mask

from rsc_bench.kernels.sampled.selections import topk

PAIRS = st.lists(
    st.tuples(st.floats(0, 2.0**100, width=32) | st.sampled_from([0.0, 1.0, 1.03125]), st.integers(0, 20)), min_size=1, max_size=40
)


def drawn(scores, cost, most, way=topk.draw):
    scores, cost = torch.as_tensor(scores, dtype=torch.float32), torch.as_tensor(cost, dtype=torch.int64)
    return way(scores, cost, most, torch.Generator()).mask


def by_sorting(scores, cost, most, generator):
    """The way of a GPU, and of a CPU without Numba."""
    return topk.draw_by_sorting(scores, cost, most)


WAYS = {"as here": topk.draw, "by sorting": by_sorting}


@pytest.fixture(params=WAYS.values(), ids=WAYS)
def draw(request):
    return partial(drawn, way=request.param)


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@settings(max_examples=60, deadline=None)
@given(pairs=PAIRS, share=st.floats(0, 1))
def test_topk_never_spends_more_than_it_may_and_goes_by_score(way, pairs, share):
    scores, cost = zip(*pairs, strict=True)
    most = int(share * sum(cost))
    kept = drawn(scores, cost, most, way).numpy()
    scores, cost = np.float32(scores), np.array(cost)
    assert cost[kept].sum() <= most
    # A pair is passed over for one of a lower score only where it costs more.
    for dropped in np.flatnonzero(~kept):
        lower = kept & (scores < scores[dropped])
        assert not lower.any() or cost[dropped] > cost[lower].min()


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**31), share=st.floats(0, 1), costliest=st.integers(2, 500))
def test_behind_a_pair_that_does_not_fit_the_smaller_ones_are_looked_at_again(seed, share, costliest):
    generator = np.random.default_rng(seed)
    scores, cost = 1 + generator.permutation(60) / 70, generator.integers(0, costliest, 60)
    most = int(share * cost.sum())
    for way in WAYS.values():
        assert torch.equal(drawn(scores, cost, most, way), topk_mask(torch.as_tensor(scores).float(), cost, most))


def test_a_hub_that_costs_more_than_the_budget_leaves_it_to_the_others(draw):
    # A star: the hub is half of all entries, as many as the budget, and stands behind the first leaves.
    scores, cost = [3.0] * 16 + [2.0] + [1.0] * 983, [1] * 16 + [999] + [1] * 983
    kept = draw(scores, cost, 999)
    assert not kept[16]
    assert int(kept.sum()) == 999


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**31), share=st.floats(0, 1))
def test_both_ways_keep_the_same_pairs_where_no_scores_are_equal(seed, share):
    pytest.importorskip("numba")
    generator = np.random.default_rng(seed)
    # 300 scores of one binade: they share their leading bits, so that the last bin must be sorted.
    scores, cost = 1 + generator.permutation(300) / 400, generator.integers(0, 30, 300)
    most = int(share * cost.sum())
    assert torch.equal(drawn(scores, cost, most), drawn(scores, cost, most, by_sorting))


def test_equal_scores_are_kept_until_the_budget_is_spent(draw):
    assert int(draw([1.0] * 10, [2] * 10, 13).sum()) == 6


def test_scores_of_zero_come_last(draw):
    assert draw([0, 3, 0, 2], [1, 1, 1, 1], 2).tolist() == [False, True, False, True]
    assert draw([0, 3, 0, 2], [1, 1, 1, 1], 4).all()


def test_all_zero_scores_are_kept_as_far_as_they_fit(draw):
    assert int(draw([0, 0, 0, 0], [1, 1, 1, 1], 3).sum()) == 3


def test_a_score_that_is_no_number_ranks_first_and_is_seen_in_the_product(draw):
    assert draw([5.0, float("nan"), float("inf")], [1, 1, 1], 1).tolist() == [False, True, False]
    assert draw([5.0, float("nan"), float("inf")], [1, 1, 1], 2).tolist() == [False, True, True]


def test_a_negative_nan_ranks_first_too(draw):
    negative = torch.tensor([0xFFC00000 - 2**32], dtype=torch.int32).view(torch.float32)
    assert draw(torch.cat([torch.tensor([5.0]), negative]), [1, 1], 1).tolist() == [False, True]


def test_a_pair_that_costs_too_much_is_passed_over(draw):
    assert draw([9.0, 1.0], [10, 1], 9).tolist() == [False, True]
    assert not draw([9.0, 1.0], [10, 10], 9).any()


def test_one_pair_and_none_are_lists_of_pairs_too(draw):
    assert draw([2.0], [3], 3).tolist() == [True]
    assert draw([], [], 0).tolist() == []


@pytest.mark.parametrize("threads", [1, 2, 3, 7])
def test_the_pairs_are_the_same_whatever_the_threads(threads):
    numba = pytest.importorskip("numba")
    if threads > numba.config.NUMBA_NUM_THREADS:
        pytest.skip(f"numba has {numba.config.NUMBA_NUM_THREADS} threads here")
    generator = np.random.default_rng(0)
    before = numba.get_num_threads()
    numba.set_num_threads(threads)
    try:
        for pairs in (1, 5, 300, 100_000):
            # Within one bin of the leading bits, so that all of them are looked at again.
            scores, cost = 1 + generator.permutation(pairs) / (16 * pairs), generator.integers(0, 30, pairs)
            most = int(0.4 * cost.sum())
            assert torch.equal(drawn(scores, cost, most), drawn(scores, cost, most, by_sorting))
    finally:
        numba.set_num_threads(before)
