"""Training: each model, exact and with the RSC method, over budgets and seeds."""

from rsc_bench.suites.measuring.runner import Runner

SUITE = "training"


def test_training(bench: Runner) -> None:
    bench()
