import math

import numpy as np
import pytest

from rsc_bench.harness.statistics.effects import Effects
from rsc_bench.harness.statistics.settling import times_as_many

OWN = math.nan


def more(error, freedom, room, chance=OWN):
    of = Effects(*(np.array([value]) for value in (0.0, error**2, 1.0, freedom)))
    return float(times_as_many(of, np.array([room]), np.array([chance]))[0])


def test_with_many_rounds_it_is_the_square_of_the_normal_quantiles():
    # 1.96 for the interval, and 0.84 so that four of five repetitions fit.
    assert more(0.1, 1e6, 0.1) == pytest.approx((1.96 + 0.84) ** 2, rel=1e-3)
    assert more(0.1, 1e6, 0.1, chance=0.001) == pytest.approx((3.09 + 0.84) ** 2, rel=1e-3)


def test_few_rounds_need_less_than_the_square_because_the_quantile_falls():
    # 4 degrees of freedom, quantile 2.776; after 4.0 times as many 16, quantile 2.12 (the tables): (2.12 + 0.84)^2 0.45 = 3.95.
    assert more(0.1 * math.sqrt(0.45), 4, 0.1) == pytest.approx(3.95, rel=0.02)


@pytest.mark.parametrize(("room", "expected"), [(9.0, 1.0), (0.0, math.inf), (-0.1, math.inf), (1e-9, math.inf)])
def test_where_there_is_room_already_none_are_needed_and_where_there_is_none_no_number_does(room, expected):
    assert more(0.1, 8, room) == expected


def test_what_does_not_vary_needs_no_more():
    assert more(0.0, 8, 0.1) == 1.0
