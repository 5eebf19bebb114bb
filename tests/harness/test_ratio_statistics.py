import math

import pytest

from harness.statistics import more_rounds, ratio_of, t_quantile, welch_interval


# Two-sided 95 % points of Student's t: NIST/SEMATECH e-Handbook, section 1.3.6.7.2, column 0.975.
@pytest.mark.parametrize(("freedom", "expected"), [(1, 12.706), (2, 4.303), (4, 2.776), (10, 2.228), (100, 1.984)])
def test_the_t_quantile_is_that_of_the_tables(freedom, expected):
    assert t_quantile(freedom) == pytest.approx(expected, abs=5e-4)


def test_the_ratio_is_new_over_base_by_medians():
    assert ratio_of([1.0, 2.0, 90.0], [3.0, 3.0, 1.0]).value == 1.5


def test_the_interval_is_welchs_on_the_logarithms():
    base, new = [1.0, 1.1, 1.3, 1.2], [1.6, 1.2, 1.5]
    from scipy.stats import ttest_ind

    logs = [math.log(t) for t in new], [math.log(t) for t in base]
    expected = ttest_ind(*logs, equal_var=False).confidence_interval(0.95)
    assert welch_interval(base, new) == pytest.approx([math.exp(expected.low), math.exp(expected.high)], rel=1e-3)


def test_swapping_the_runs_turns_the_interval_over():
    low, high = welch_interval([1.0, 1.1, 1.2], [2.0, 2.5, 2.1])
    assert welch_interval([2.0, 2.5, 2.1], [1.0, 1.1, 1.2]) == pytest.approx((1 / high, 1 / low))


def test_one_round_has_no_interval_and_rounds_without_spread_have_one_without_width():
    assert welch_interval([1.0], [1.0, 2.0]) is None
    assert welch_interval([1.0, 1.0], [2.0, 2.0]) == pytest.approx((2.0, 2.0))


def test_half_the_width_needs_four_times_the_rounds_less_what_the_quantile_gives():
    interval = math.exp(-0.2), math.exp(0.2)
    # 4 x 500 rounds, where the quantile is 1.96 before and after; 4 x 5 x (2.024 / 2.306)^2 = 15.4 rounds (same tables).
    assert more_rounds(interval, room=0.1, rounds=500) == pytest.approx(1500, abs=10)
    assert more_rounds(interval, room=0.1, rounds=5) == 16 - 5
    assert more_rounds(interval, room=0.0, rounds=5) is None
    assert more_rounds(interval, room=9.0, rounds=5) == 1
