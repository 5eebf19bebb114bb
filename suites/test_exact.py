"""Exact SpMM: every exact kernel on every graph and width."""

import pytest
from rsc_bench.suites.replay import REPLAY
from rsc_bench.suites.running import Runner

SUITE = "exact"

pytestmark = pytest.mark.benchmark(timer=REPLAY)


def test_exact(bench: Runner) -> None:
    bench()
