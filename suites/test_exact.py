"""Exact SpMM: every exact kernel on every graph and width."""

from rsc_bench.suites.measuring.runner import Runner

SUITE = "exact"


def test_exact(bench: Runner) -> None:
    bench()
