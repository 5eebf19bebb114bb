"""What a case says of a GPU's memory does not depend on the cases before it: on a GPU that is made up."""

import gc
import weakref

import pytest
from fake_cuda import L2_BYTES, Array, FakeTorch
from made_runs import case
from made_work import Opaque

from rsc_bench.harness.measure.attempt import attempt
from rsc_bench.harness.measure.clocks import cuda_cold, cuda_hot
from rsc_bench.harness.measure.gpu.cuda import Gpus
from rsc_bench.harness.measure.gpu.l2 import Flushes
from rsc_bench.harness.measure.sampling import Limits
from rsc_bench.harness.measure.watch import Watcher
from rsc_bench.harness.measure.work import Checked
from rsc_bench.harness.records.measurement import Accuracy, Matrix

LIMITS = Limits(warmup_s=0, time_s=0, fewest=1)
OPERAND_BYTES = 800


class Counted(Array):
    """An array that is memory for as long as somebody refers to it; the L2 knows its lines by another name."""

    def __init__(self, torch, count):
        super().__init__(torch, count)
        self.lines = Array(torch, count)


class CountingTorch(FakeTorch):
    """Counts the bytes of arrays in use, and the most of them since the last reset, as torch's allocator does."""

    __version__ = "2.99"

    def __init__(self):
        super().__init__()
        self.in_use = self.highest = 0
        self.cuda.memory_allocated = lambda device: self.in_use
        self.cuda.max_memory_allocated = self.cuda.max_memory_reserved = lambda device: self.highest
        self.cuda.reset_peak_memory_stats = lambda device: self._count(0, new_highest=True)

    def _count(self, more, new_highest=False):
        self.in_use += more
        self.highest = self.in_use if new_highest else max(self.highest, self.in_use)

    def arange(self, count, device=None):
        array = Counted(self, count)
        self._count(array.bytes)
        weakref.finalize(array, self._count, -array.bytes)
        return array

    def touch(self, array):
        return super().touch(array.lines)


class Session:
    """Cases one after the other on the made-up GPU, as in one process: its clocks, and what watches its cases."""

    def __init__(self):
        self.torch = CountingTorch()
        gpus = Gpus(self.torch, now=self.torch.perf_counter)
        self.flushes = Flushes(gpus, sizes=(2,))
        self._clocks = {clock.name: clock for clock in (cuda_cold.clock_of(gpus, self.flushes), cuda_hot.clock_of(gpus))}
        self._watcher = Watcher(self.torch)

    def measured(self, clock, make=None):
        """Allocator's peak, peak and workspace of a case."""
        of = case(device="cuda:0", clock=clock)
        record = attempt(of, lambda: lambda: (make or Work)(self.torch), self._clocks[clock], LIMITS, self._watcher.watched)
        assert record.status == "ok", record.reason
        found = record.measurement.memory
        return found.allocated_peak_bytes, found.peak_bytes, found.workspace_bytes


@pytest.fixture
def session():
    return Session()


class Work(Opaque):
    """A kernel over an operand of its own, whose result is as large."""

    device, period, select, multiply, tune_s = "cuda:0", 1, None, None, None

    def __init__(self, torch):
        self._torch, self._operand, self.synchronise = torch, torch.arange(OPERAND_BYTES // 8), torch.synchronise

    def __call__(self):
        self._torch.kernel("multiply")()
        return self._torch.arange(OPERAND_BYTES // 8)

    def check(self, result):
        return Checked(Matrix(nnz=9, kept_nnz=9, rows=3, columns=3), Accuracy(rel_error=0.0, check_error=0.0))

    def result_bytes(self, result):
        return result.bytes


@pytest.mark.parametrize("clock", ["cuda_cold", "cuda_hot"])
def test_the_tenth_case_has_the_memory_that_the_first_had(session, clock):
    assert [session.measured(clock) for _ in range(10)] == [(2 * OPERAND_BYTES, 2 * OPERAND_BYTES, 0)] * 10


def test_a_flush_takes_its_memory_with_it(session):
    flush = session.flushes.flush("cuda:0")
    assert session.torch.in_use == 2 * L2_BYTES
    del flush
    assert session.torch.in_use == 0


@pytest.fixture
def collections():
    """How often all objects of the process were searched for cycles, and not by chance."""
    found = []

    def note(phase, about):
        if phase == "start" and about["generation"] == 2:
            found.append(about)

    gc.disable()
    gc.callbacks.append(note)
    yield found
    gc.callbacks.remove(note)
    gc.enable()


def test_where_nothing_was_left_nothing_is_searched_for(session, collections):
    kept = session.torch.arange(100)  # operands that the next case shares
    session.measured("cuda_hot")
    assert len(collections) == 1, "more is in use than at the start"
    for _ in range(3):
        session.measured("cuda_hot")
    assert len(collections) == 1
    del kept


def test_what_an_earlier_case_left_in_a_cycle_is_let_go_of_before_the_next(session, collections):
    class Cyclic(Work):
        def __init__(self, torch):
            super().__init__(torch)
            self.myself = self

    first = session.measured("cuda_hot", Cyclic)
    assert session.torch.in_use == OPERAND_BYTES
    assert session.measured("cuda_hot", Cyclic) == first
