import math

import numpy as np
import pytest

from rsc_bench.harness.statistics.effects import Effects
from rsc_bench.harness.statistics.pooling import MOST_FREEDOM, _inverse_trigamma, _prior, pooled


def made(variances, freedom=4.0):
    of = np.asarray(variances, dtype=float)
    return Effects(np.zeros_like(of), of, np.full_like(of, 1 / 3), np.full_like(of, freedom))


# trigamma(1) = pi^2 / 6, trigamma(1/2) = pi^2 / 2 (Abramowitz and Stegun, 6.4.2 and 6.4.4).
@pytest.mark.parametrize(("value", "expected"), [(math.pi**2 / 6, 1.0), (math.pi**2 / 2, 0.5)])
def test_the_inverse_of_trigamma_is_that_of_the_tables(value, expected):
    assert _inverse_trigamma(value) == pytest.approx(expected, rel=1e-6)


def test_the_prior_that_variances_were_drawn_from_is_found_again():
    # Smyth's model: sigma^2 = 0.04 * 10 / chi^2(10), and s^2 = sigma^2 chi^2(4) / 4.
    draw = np.random.default_rng(3)
    true = 0.04 * 10 / draw.chisquare(10, 20_000)
    variance, freedom = _prior(true * draw.chisquare(4, true.size) / 4, np.full(true.size, 4.0))
    assert variance == pytest.approx(0.04, rel=0.02)
    assert freedom == pytest.approx(10, rel=0.1)


def test_a_variance_that_is_small_by_luck_is_drawn_up_and_a_large_one_stays():
    draw = np.random.default_rng(1)
    own = made([*(draw.chisquare(4, 200) / 4), 1e-3, 30.0])
    found = pooled(own)
    assert found.variance[-2] == pytest.approx(MOST_FREEDOM / (1 + MOST_FREEDOM), rel=0.3)
    assert found.variance[-1] == 30.0
    assert (found.variance >= own.variance).all()


def test_others_count_for_three_times_a_cases_own_freedom_at_most():
    assert pooled(made([1.0] * 20)).freedom == pytest.approx(4 * (1 + MOST_FREEDOM))


def test_cases_that_are_nothing_like_each_other_say_little_of_each_other():
    found = pooled(made(np.logspace(-9, 3, 40)))
    assert (found.freedom < 5).all()


@pytest.mark.parametrize("variances", [[1.0] * 9, [0.0] * 40, [0.0] * 30 + [1.0] * 20])
def test_few_cases_and_cases_that_do_not_vary_are_left_alone(variances):
    own = made(variances)
    assert pooled(own) is own


def test_one_that_does_not_vary_among_many_that_do_gets_their_noise():
    # The fit takes 1.0 for the middle of the logarithms; digamma(2) = 1 - 0.5772.
    prior = 2 / math.exp(1 - 0.5772)
    assert pooled(made([1.0] * 20 + [0.0])).variance[-1] == pytest.approx(MOST_FREEDOM / (1 + MOST_FREEDOM) * prior, rel=1e-3)
