"""A slow-down is seen by every clock of the GPU that is there, with the size that it was given."""

from statistics import median

import pytest
import torch
from made_work import Opaque

from rsc_bench.harness.measure.clocks import Timed
from rsc_bench.harness.measure.timing import Stopwatch
from rsc_bench.plugins import load
from rsc_bench.suites.spmm.slowness import slowed

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")]

CLOCKS = load("clock")


class Product(Opaque):
    """A dense product of some milliseconds."""

    period, device, select, multiply, tune_s = 1, "cuda:0", None, None, None

    def __init__(self):
        self._operand = torch.ones(4096, 4096, device=self.device)

    def __call__(self):
        return self._operand @ self._operand

    def check(self, result):
        return result

    def result_bytes(self, result):
        return result.nbytes

    def synchronise(self):
        torch.cuda.synchronize()


def seconds(clock, work):
    stopwatch = Stopwatch(clock, Timed(work, work.period, work.synchronise, work.device))
    return median(stopwatch() for _ in range(20))


@pytest.mark.parametrize("name", ["cuda_hot", "cuda_cold", "cuda_graph", "host"])
def test_a_call_takes_its_share_longer(name):
    work, clock = Product(), CLOCKS[name]
    # A GPU that draws less power while it waits may clock the product itself a little higher.
    assert seconds(clock, slowed(work, 0.5, clock)) / seconds(clock, work) == pytest.approx(1.5, abs=0.1)
