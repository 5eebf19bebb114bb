"""What a case says of a GPU's memory does not depend on the cases before it: on a GPU that is made up."""

import gc
import sys
import weakref

import pytest
from fake_cuda import L2_BYTES, Array, FakeTorch
from made_runs import case

from rsc_bench.harness.measure import watch
from rsc_bench.harness.measure.attempt import attempt
from rsc_bench.harness.measure.gpu import cuda, l2, queueing
from rsc_bench.harness.measure.sampling import Limits
from rsc_bench.harness.measure.work import Checked
from rsc_bench.plugins import load

CLOCKS = load("clock")
LIMITS = Limits(warmup_s=0, time_s=0, fewest=1)
OPERAND_BYTES = 800


class Held(Array):
    """An array that is memory for as long as somebody refers to it; the L2 knows its lines by another name."""

    def __init__(self, torch, count):
        super().__init__(torch, count)
        self.lines = Array(torch, count)


class CountingTorch(FakeTorch):
    """Counts the bytes of arrays that are held, and the most of them since the last reset, as torch's allocator does."""

    __version__ = "2.99"

    def __init__(self):
        super().__init__()
        self.held = self.highest = 0
        self.cuda.memory_allocated = lambda device: self.held
        self.cuda.max_memory_allocated = self.cuda.max_memory_reserved = lambda device: self.highest
        self.cuda.reset_peak_memory_stats = lambda device: self._hold(0, new_highest=True)

    def _hold(self, more, new_highest=False):
        self.held += more
        self.highest = self.held if new_highest else max(self.highest, self.held)

    def arange(self, count, device=None):
        array = Held(self, count)
        self._hold(array.bytes)
        weakref.finalize(array, self._hold, -array.bytes)
        return array

    def touch(self, array):
        return super().touch(array.lines)


@pytest.fixture
def torch(monkeypatch):
    fake = CountingTorch()
    monkeypatch.setattr(cuda, "loaded", lambda: fake)
    monkeypatch.setitem(sys.modules, "torch", fake)
    monkeypatch.setattr(queueing, "perf_counter", fake.perf_counter)
    monkeypatch.setattr(l2, "SIZES", (2,))
    caches = cuda.gpu, l2.shown, watch._sensors
    for cached in caches:
        cached.cache_clear()
    monkeypatch.setattr(watch, "_held", {})
    yield fake
    for cached in caches:
        cached.cache_clear()


class Work:
    """A kernel over an operand of its own, whose result is as large."""

    device, period, select, multiply, tune_s = "cuda:0", 1, None, None, None

    def __init__(self, torch):
        self._torch, self._operand, self.synchronise = torch, torch.arange(OPERAND_BYTES // 8), torch.synchronise

    def __call__(self):
        self._torch.kernel("multiply")()
        return self._torch.arange(OPERAND_BYTES // 8)

    def check(self, result):
        return Checked(rel_error=0.0, check_error=0.0, nnz=9, kept_nnz=9, rows=3, columns=3)

    def result_bytes(self, result):
        return result.bytes


def measured(torch, clock, make=Work):
    record = attempt(case(device="cuda:0", clock=clock), lambda: lambda: make(torch), CLOCKS[clock], LIMITS)
    assert record.status == "ok", record.reason
    found = record.measurement
    return found.allocated_peak_bytes, found.peak_bytes, found.workspace_bytes


@pytest.mark.parametrize("clock", ["cuda_cold", "cuda_hot"])
def test_the_tenth_case_says_of_its_memory_what_the_first_did(torch, clock):
    assert [measured(torch, clock) for _ in range(10)] == [(2 * OPERAND_BYTES, 2 * OPERAND_BYTES, 0)] * 10


def test_a_flush_takes_its_memory_with_it(torch):
    flush = l2.flush("cuda:0")
    assert torch.held == 2 * L2_BYTES
    del flush
    assert torch.held == 0


def test_where_nothing_was_left_nothing_is_searched_for(torch, monkeypatch):
    kept = torch.arange(100)  # operands that the next case shares
    measured(torch, "cuda_hot")
    searched = []
    monkeypatch.setattr(watch.gc, "collect", lambda: searched.append(True))
    for _ in range(3):
        measured(torch, "cuda_hot")
    assert searched == []
    del kept


def test_what_an_earlier_case_left_in_a_cycle_is_let_go_of_before_the_next(torch):
    class Cyclic(Work):
        def __init__(self, torch):
            super().__init__(torch)
            self.myself = self

    gc.disable()  # else chance decides
    try:
        first = measured(torch, "cuda_hot", Cyclic)
        assert torch.held == OPERAND_BYTES
        assert measured(torch, "cuda_hot", Cyclic) == first
    finally:
        gc.enable()
