import math

import pytest

from rsc_bench.harness.output.units import between, ratio, shown


@pytest.mark.parametrize(
    ("values", "unit", "expected"),
    [
        ((1.5e-9, None), "s", ["1.500 ns", ""]),
        ((4.12e-7, 4.3e-7), "s", ["412.0 ns", "430.0 ns"]),
        ((4.12e-6, 1.2e-3), "s", ["4.120 µs", "1,200 µs"]),  # one unit for both: the eye compares the digits
        ((0.0123, 0.0999), "s", ["12.30 ms", "99.90 ms"]),
        ((75.0, 3600.0), "s", ["75.00 s", "3,600 s"]),
        ((0.25, 0.5), "ms", ["250.0 µs", "500.0 µs"]),
        ((1536.0, 3.0), "MB", ["1,536 MB", "3.000 MB"]),
        ((70.25, 69.5), "points", ["70.25 points", "69.50 points"]),
        ((0.3, 0.4), "", ["0.3000", "0.4000"]),
        ((0.0, 0.0), "s", ["0.000 s", "0.000 s"]),
        ((None, None), "s", ["", ""]),
        ((12.0, math.inf), "calls", ["12.00 calls", "never"]),
        ((math.inf, math.inf), "s", ["never", "never"]),
        ((1e-15, 1.0), "s", ["1.000e-06 ns", "1.000 s"]),
        ((53.26e-6, 0.109748), "s", ["53.26 µs", "109.7 ms"]),  # 109,748 µs is nothing to compare digits of
    ],
)
def test_values_that_stand_side_by_side_have_one_fitting_unit_unless_one_would_be_long(values, unit, expected):
    assert shown(values, unit) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1.0304, "1.030"),
        (0.885, "0.885"),
        (12.34, "12.3"),
        (433.217, "433"),
        (2060.81, "2,061"),
        (0.0123, "0.0123"),
        (0.000485, "0.000485"),
    ],
)
def test_a_ratio_has_three_digits_that_count(value, expected):
    assert ratio(value) == expected


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [((0.961, 1.155), "0.961 to 1.155"), ((3.7e-5, 26677.179), "under 0.001 to over 1,000"), ((0.0123, 410.27), "0.0123 to 410")],
)
def test_a_bound_that_is_far_off_is_no_more_than_that(bounds, expected):
    assert between(*bounds) == expected
