import math

import numpy as np
import pytest

from rsc_bench.harness.statistics.effects import Sides, effects

EIGHT = [1.0, 1.1, 1.3, 1.2, 1.05, 1.25, 0.9, 1.15]


def one(base, new, paired=False):
    """Logarithm of the ratio, its standard error and the degrees of freedom of one case."""
    found = effects([Sides(base, new, paired)])
    return [float(part[0]) for part in (found.log_ratio, found.error, found.freedom)]


def test_rounds_apart_are_yuens_test_of_trimmed_means():
    from scipy.stats import ttest_ind

    base, new = EIGHT, [1.6, 1.2, 1.5, 1.4, 1.9]
    expected = ttest_ind(np.log(new), np.log(base), equal_var=False, trim=0.2)
    log_ratio, error, freedom = one(base, new)
    assert log_ratio / error == pytest.approx(expected.statistic)
    assert freedom == pytest.approx(expected.df)


def test_four_rounds_and_fewer_are_trimmed_of_none_and_are_welchs_test():
    from scipy.stats import ttest_ind

    base, new = [1.0, 1.1, 1.3, 1.2], [1.6, 1.2, 1.5]
    expected = ttest_ind(np.log(new), np.log(base), equal_var=False)
    log_ratio, error, freedom = one(base, new)
    assert (log_ratio / error, freedom) == pytest.approx((expected.statistic, expected.df))


def test_paired_rounds_are_the_mean_of_their_differences():
    # Differences of the logarithms: 0.1, 0.2, 0.3; mean 0.2, standard deviation 0.1.
    base = [1.0, 5.0, 2.0]
    new = [t * math.exp(difference) for t, difference in zip(base, (0.1, 0.2, 0.3), strict=True)]
    assert one(base, new, paired=True) == pytest.approx([0.2, 0.1 / math.sqrt(3), 2])


def test_of_five_pairs_the_largest_and_the_smallest_difference_are_trimmed():
    # Differences 0.0, 0.1, 0.2, 0.3, 9.0: the mean of the middle three is 0.2; winsorized they are 0.1, 0.1, 0.2, 0.3, 0.3,
    # of variance 0.01. Yuen: h = 3, squared error = (n - 1) 0.01 / (h (h - 1)) = 0.04 / 6, and 2 degrees of freedom.
    new = [math.exp(difference) for difference in (0.3, 9.0, 0.1, 0.0, 0.2)]
    assert one([1.0] * 5, new, paired=True) == pytest.approx([0.2, math.sqrt(0.04 / 6), 2])


@pytest.mark.parametrize("paired", [True, False])
def test_one_disturbed_round_of_five_changes_nothing(paired):
    base, new = [1.0, 1.01, 1.02, 0.99, 1.0], [1.0, 1.02, 0.99, 1.01, 1.0]
    disturbed = [*new[:4], 5.0]
    assert math.exp(one(base, disturbed, paired)[0]) == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize("paired", [True, False])
def test_swapping_the_sides_turns_the_change_over(paired):
    base, new = [1.0, 1.1, 1.2], [2.0, 2.5, 2.1]
    (there, error, freedom), (back, *same) = one(base, new, paired), one(new, base, paired)
    assert (back, same) == (pytest.approx(-there), pytest.approx([error, freedom]))


def test_sides_without_any_spread_are_sure():
    assert one([1.0, 1.0, 1.0], [2.0, 2.0], paired=False) == pytest.approx([math.log(2), 0.0, 3])


def test_cases_of_any_length_stay_in_their_order():
    cases = [Sides([1.0, 1.0, 1.0], [factor] * rounds) for factor, rounds in ((2.0, 3), (3.0, 9), (4.0, 3), (5.0, 4))]
    assert np.exp(effects(cases).log_ratio) == pytest.approx([2.0, 3.0, 4.0, 5.0])
