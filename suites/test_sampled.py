"""Sampled SpMM: every selection in front of the exact kernels, fresh and cached, over budgets."""

from rsc_bench.suites.measuring.runner import Runner

SUITE = "sampled"


def test_sampled(bench: Runner) -> None:
    bench()
