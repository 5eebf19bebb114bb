import math

import numpy as np
import pytest

from rsc_bench.harness.measure import sampling
from rsc_bench.harness.measure.sampling import Limits, median_width, sample


def sampled(times_s, limits, step_s=0.1):
    """Samples of these times, under a clock that only moves on, by `step_s`, when a sample is taken."""
    left, now_s = iter(times_s), 0.0

    def one():
        nonlocal now_s
        now_s += step_s
        return next(left)

    return sample(one, limits, lambda: now_s)


def test_sampling_stops_when_it_is_precise():
    samples, stop = sampled([1.0] * 50, Limits(), step_s=0)
    assert (samples, stop) == ([1.0] * 6, "precise")


def test_sampling_stops_when_time_is_up():
    samples, stop = sampled(range(1, 50), Limits(time_s=0.95))
    assert (samples, stop) == (list(range(1, 11)), "time")


def test_sampling_stops_at_the_most_samples():
    samples, stop = sampled(range(1, 50), Limits(most=20), step_s=0)
    assert (len(samples), stop) == (20, "samples")


def test_the_fewest_samples_are_taken_however_long_they_last():
    samples, stop = sampled(range(1, 50), Limits(fewest=3), step_s=100)
    assert (samples, stop) == ([1, 2, 3], "time")


def test_what_stops_an_interruption_is_not_sampling():
    def take():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sample(take, Limits())


@pytest.mark.parametrize("count", range(1, 6))
def test_below_six_samples_not_even_the_extremes_enclose_the_median(count):
    # 1 - 2 * 0.5**5 = 0.9375 is less than 0.95, 1 - 2 * 0.5**6 = 0.969 is more.
    assert median_width([1.0] * count) == math.inf


def test_six_samples_give_the_distance_of_the_extremes():
    assert median_width([3.0, 1.0, 2.0, 1.5, 2.5, 2.0]) == pytest.approx((3.0 - 1.0) / 2.0)


def test_the_width_does_not_depend_on_the_order_or_the_unit():
    samples = np.random.default_rng(0).lognormal(size=50)
    assert median_width(samples) == pytest.approx(median_width(sorted(1000 * samples)))


@pytest.mark.parametrize("count", [6, 10, 25, 100])
def test_the_interval_encloses_the_median_in_95_of_100_cases_or_more(count):
    # Read the interval's ends off samples that are their own ranks.
    generator = np.random.default_rng(count)
    ranks = list(range(1, count + 1))
    reach = sampling._NORMAL_95 * count**0.5
    low, high = max(0, math.floor((count - reach) / 2)), min(count - 1, math.ceil((count + reach) / 2))
    assert median_width(ranks) == pytest.approx((high - low) / ranks[count // 2])
    drawn = np.sort(generator.lognormal(size=(4000, count)), axis=1)
    enclosed = np.mean((drawn[:, low] <= 1) & (drawn[:, high] >= 1))  # the median of a log-normal is 1
    # 4000 trials of 0.95 spread by 0.0035; order statistics jump, so that it may be up to 99 %.
    assert 0.95 - 3 * 0.0035 <= enclosed <= 0.995
