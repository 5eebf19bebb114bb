"""Training: each model, exact and with the RSC method, over budgets and seeds."""

import pytest
from rsc_bench.suites.replay import REPLAY
from rsc_bench.suites.running import Runner

SUITE = "training"

pytestmark = pytest.mark.benchmark(timer=REPLAY)


def test_training(bench: Runner) -> None:
    bench()
