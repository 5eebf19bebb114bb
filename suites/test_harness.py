"""Harness: what the harness itself takes for graphs, operands, a large collection and a small sweep, measured where it is named."""

from rsc_bench.suites.measuring.runner import Runner

SUITE = "harness"


def test_harness(bench: Runner) -> None:
    bench()
