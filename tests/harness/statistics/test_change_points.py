"""Series with known change points: what is marked must be there, and what is there must be marked."""

import numpy as np
import pytest

from rsc_bench.harness.statistics.change_points import MIN_RUNS, change_points

CASES = 250  # as many as a quick sweep has
NOISE = 0.02


def series(runs=30, steps=(), seed=0, noise=NOISE):
    """Times around 10 ms with 2 % noise; each step is the run at which it happens, and the ratio."""
    logs = np.random.default_rng(seed).normal(np.log(0.010), noise, runs)
    for place, ratio in steps:
        logs[place:] += np.log(ratio)
    return np.exp(logs)


def places(times_s, cases=CASES):
    return [mark.place for mark in change_points(times_s, cases)]


def test_steady_times_have_no_mark():
    # 0.01 a page of 250 cases is what the rule promises for normal noise; 1000 series are four such pages.
    assert sum(bool(places(series(seed=seed))) for seed in range(1000)) <= 1


def test_a_step_of_10_percent_is_found_at_its_run_in_nine_series_of_ten():
    found = [places(series(steps=[(17, 1.1)], seed=seed)) for seed in range(200)]
    assert sum(each == [17] for each in found) >= 180
    assert all(abs(place - 17) <= 2 for each in found for place in each)


def test_its_size_is_that_of_the_medians():
    (mark,) = change_points([0.010, 0.011, 0.010, 0.012, 0.010, 0.020, 0.022, 0.020, 0.024, 0.020])
    assert (mark.place, mark.ratio) == (5, pytest.approx(2.0))


def test_an_improvement_is_a_mark_below_one():
    (mark,) = change_points(series(steps=[(12, 0.8)]), CASES)
    assert (mark.place, mark.ratio) == (12, pytest.approx(0.8, abs=0.02))


def test_a_regression_and_its_revert_are_two_marks():
    # A single split of the whole series would see neither: both sides of it have nearly the same mean.
    assert places(series(steps=[(10, 1.15), (20, 1 / 1.15)])) == [10, 20]


def test_a_staircase_is_no_drift():
    assert places(series(steps=[(10, 1.15), (20, 1.15)])) == [10, 20]


def test_a_step_is_known_at_the_third_run_that_has_it():
    found = [places(series(steps=[(27, 1.15)], seed=seed)) for seed in range(50)]
    assert sum(each == [27] for each in found) >= 45
    assert places(series(steps=[(28, 1.15)])) == []


@pytest.mark.parametrize("rise", [1.1, 1.2, 2.0])
def test_a_drift_is_not_blamed_on_a_run(rise):
    drifts = [series(seed=seed) * np.geomspace(1, rise, 30) for seed in range(100)]
    assert sum(bool(places(each)) for each in drifts) <= 2


def test_a_run_with_bad_luck_is_no_step_and_hides_none():
    times_s = series(steps=[(17, 1.1)])
    times_s[[5, 23, 24]] *= 1.5
    assert places(times_s) == [17]


def test_noise_with_heavy_tails_rarely_has_a_mark():
    tails = np.random.default_rng(1).standard_t(3, (500, 30)) * NOISE / np.sqrt(3)
    assert sum(bool(places(np.exp(each))) for each in tails) <= 3


def test_luck_that_lasts_for_a_few_runs_seldom_has_one():
    # AR(1) with 0.5: about one case in a hundred was seen, though the rule takes the runs as independent.
    fresh = np.random.default_rng(2).normal(0, NOISE * np.sqrt(0.75), (500, 30))
    for run in range(1, 30):
        fresh[:, run] += 0.5 * fresh[:, run - 1]
    assert sum(bool(places(np.exp(each))) for each in fresh) <= 15


def test_with_few_runs_nothing_is_marked():
    steps = [0.010] * 3 + [0.020] * (MIN_RUNS - 4)
    assert places(steps, cases=1) == []
    assert places([*steps, 0.020], cases=1) == [3]


def test_a_step_that_matters_to_nobody_is_not_marked_however_sure():
    assert places(series(steps=[(15, 1.01)], noise=1e-4)) == []
    assert places(series(steps=[(15, 1.03)], noise=1e-4)) == [15]


def test_equal_times_have_no_mark():
    assert places([0.010] * 30) == []


@pytest.mark.parametrize(("runs", "most"), [(12, 12), (20, 10), (40, 5)])
def test_runs_that_take_one_of_two_times_seldom_look_slower(runs, most):
    # Processes of 22.5 or 25.5 ms with hardly any spread: of 400 histories, by neighbours' median alone it was 60 to 80.
    draw = np.random.default_rng(3)
    slow = draw.random((400, runs)) < 0.5
    times_s = np.where(slow, 0.0255, 0.0225) * np.exp(draw.normal(0, 0.001, slow.shape))
    found = [change_points(list(each)) for each in times_s]
    assert sum(bool(each) and each[-1].ratio > 1 for each in found) <= most


def test_a_step_beyond_both_of_its_modes_is_found_all_the_same():
    draw = np.random.default_rng(4)
    times_s = np.where(draw.random(40) < 0.5, 0.0255, 0.0225)
    times_s[20:] *= 1.4
    assert [mark.place for mark in change_points(list(times_s))] == [20]
