"""Sampled SpMM: every selection in front of the exact kernels, fresh and cached, over budgets."""

import pytest

from rsc_bench.suites.runner import REPLAY, Runner

SUITE = "sampled"

pytestmark = pytest.mark.benchmark(timer=REPLAY)


def test_sampled(bench: Runner) -> None:
    bench()
