"""Largest and smallest neighbours: every kernel that computes extrema on every graph and width, measured where it is named."""

from rsc_bench.suites.measuring.runner import Runner

SUITE = "minmax"


def test_minmax(bench: Runner) -> None:
    bench()
