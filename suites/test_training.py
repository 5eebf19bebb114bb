"""Training: each model, exact and with the RSC method, over budgets and seeds."""

import pytest

from suites.replay import REPLAY
from suites.running import Runner

SUITE = "training"

pytestmark = pytest.mark.benchmark(timer=REPLAY)


def test_training(bench: Runner) -> None:
    bench()
