"""Exact SpMM: every exact kernel on every graph and width."""

import pytest

from suites.replay import REPLAY
from suites.running import Runner

SUITE = "exact"

pytestmark = pytest.mark.benchmark(timer=REPLAY)


def test_exact(bench: Runner) -> None:
    bench()
