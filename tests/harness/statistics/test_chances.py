import math

import numpy as np
import pytest

from rsc_bench.harness.statistics.chances import chance_above, interval, limits, quantile
from rsc_bench.harness.statistics.effects import Effects


def effect(log_ratio, error, freedom):
    return Effects(*(np.array([value]) for value in (log_ratio, error**2, 1.0, freedom)))


# Two-sided 95 % points of Student's t: NIST/SEMATECH e-Handbook, section 1.3.6.7.2, column 0.975.
@pytest.mark.parametrize(("freedom", "expected"), [(1, 12.706), (2, 4.303), (4, 2.776), (10, 2.228), (100, 1.984)])
def test_the_interval_is_as_wide_as_the_tables_say(freedom, expected):
    assert quantile(np.array([freedom]), np.array([0.975])) == pytest.approx(expected, abs=5e-4)
    low, high = interval(effect(0.5, 0.1, freedom))
    assert (float(low[0]), float(high[0])) == pytest.approx((0.5 - 0.1 * expected, 0.5 + 0.1 * expected), abs=1e-4)


# The same tables, columns 0.95 and 0.999.
@pytest.mark.parametrize(("freedom", "t", "expected"), [(4, 2.132, 0.05), (10, 4.143, 0.001), (4, -2.132, 0.95), (4, 0.0, 0.5)])
def test_the_chance_is_that_of_a_change_as_large_or_larger(freedom, t, expected):
    assert float(chance_above(effect(t * 0.1, 0.1, freedom))[0]) == pytest.approx(expected, rel=2e-3)


@pytest.mark.parametrize(("log_ratio", "expected"), [(0.1, 0.0), (0.0, 0.5), (-0.1, 1.0)])
def test_without_any_spread_a_change_is_sure_and_none_is_no_evidence(log_ratio, expected):
    assert float(chance_above(effect(log_ratio, 0.0, 4))[0]) == expected


def test_by_holm_the_least_likely_of_twenty_may_have_a_twentieth_and_the_next_a_nineteenth():
    chances = np.array([0.9] * 17 + [0.0003, 0.0002, 0.00026])
    # 0.005/20 = 0.00025, 0.005/19 = 0.000263, 0.005/18 = 0.000278: the third fails, and all after it.
    assert (chances <= limits(chances)).tolist() == [False] * 17 + [False, True, True]
    assert limits(chances)[-3:] == pytest.approx([0.005 / 18, 0.005 / 20, 0.005 / 19])


def test_what_comes_after_the_first_that_fails_gets_the_limit_it_failed():
    # 0.00026 would pass as the second, but the first of all fails already.
    assert limits(np.array([0.00026, 0.000255] + [0.9] * 18)) == pytest.approx([0.005 / 20] * 20)


def test_a_single_case_may_have_one_in_a_thousand():
    assert limits(np.array([0.5])).tolist() == [0.001]
    assert limits(np.array([])).tolist() == []


def test_one_true_change_does_not_lift_the_limit_of_others_by_much():
    assert limits(np.array([0.0, 0.5, 0.5] * 100)).max() == pytest.approx(0.005 / 200)
    assert math.isclose(limits(np.array([0.0] * 300)).max(), 0.001)
