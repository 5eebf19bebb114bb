import pytest

from rsc_bench.harness.output.units import shown


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
        ((1e-15, 1.0), "s", ["1.000e-06 ns", "1,000,000,000 ns"]),
    ],
)
def test_values_that_stand_side_by_side_have_one_fitting_unit(values, unit, expected):
    assert shown(values, unit) == expected
