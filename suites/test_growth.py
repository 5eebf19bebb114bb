"""Growth: products over the size of their graph and over the width, measured where this module is named."""

from rsc_bench.suites.measuring.runner import Runner

SUITE = "growth"


def test_growth(bench: Runner) -> None:
    bench()
