"""Training: each model, exact and with the RSC method, over budgets and seeds."""

import pytest

from rsc_bench.suites.runner import REPLAY, Runner

SUITE = "training"

pytestmark = pytest.mark.benchmark(timer=REPLAY)


def test_training(bench: Runner) -> None:
    bench()
