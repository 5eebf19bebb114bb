"""Exact SpMM: every exact kernel on every graph and width."""

import pytest

from rsc_bench.suites.runner import REPLAY, Runner

SUITE = "exact"

pytestmark = pytest.mark.benchmark(timer=REPLAY)


def test_exact(bench: Runner) -> None:
    bench()
