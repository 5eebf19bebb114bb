"""A slow-down whose size is known is really spent behind each call."""

from time import perf_counter

import pytest
from made_work import Opaque

from rsc_bench.harness.measure.clocks import Clock, Opened, Sample
from rsc_bench.suites.spmm.slowness import slowed


class Spinning(Opaque):
    """Work of 2 ms, which keeps the time that each call really took."""

    period, select, multiply, tune_s = 3, None, None, 0.5

    def __init__(self, device="cpu"):
        self.device, self.took_s = device, []

    def __call__(self):
        start = perf_counter()
        while perf_counter() < start + 2e-3:
            pass
        self.took_s.append(perf_counter() - start)
        return f"result {len(self.took_s)}"

    def check(self, result):
        return f"checked {result}"

    def result_bytes(self, result):
        return len(result)

    def synchronise(self):
        pass


class FakeGpu:
    """Notes how long it was asked to spin."""

    def __init__(self):
        self.spins_s = []

    def current(self):
        return pytest.MonkeyPatch.context()

    def spin(self, seconds):
        self.spins_s.append(seconds)


HOST = Clock("host", "", open=lambda timed: Opened(lambda: Sample(0.0)), devices=("cpu",))


@pytest.mark.parametrize("longer", [0.05, 0.5, 2.0])
def test_each_call_takes_its_share_longer(longer):
    work = Spinning()
    slow = slowed(work, longer, HOST)
    for _ in range(3):
        start = perf_counter()
        slow()
        took_s = perf_counter() - start
        # At least: a machine may interrupt the wait, but never shortens it.
        assert took_s >= (1 + longer) * work.took_s[-1]


def test_the_wait_is_no_longer_than_its_share():
    work = Spinning()
    slow = slowed(work, 0.5, HOST)

    def share_of_wait():
        start = perf_counter()
        slow()
        return (perf_counter() - start) / work.took_s[-1] - 1

    # The calmest of many calls: of them one is not interrupted.
    assert min(share_of_wait() for _ in range(20)) == pytest.approx(0.5, abs=0.05)


def test_all_but_the_time_is_the_works_own():
    work = Spinning()
    slow = slowed(work, 0.5, HOST)
    result = slow()
    assert result == "result 1"
    assert (slow.period, slow.device, slow.select, slow.multiply, slow.tune_s) == (3, "cpu", None, None, 0.5)
    assert (slow.check(result), slow.result_bytes(result)) == ("checked result 1", 8)


def test_a_gpu_is_kept_busy_for_a_share_of_the_fastest_call_that_its_clock_saw():
    gpu, work = FakeGpu(), Spinning("cuda:0")
    # Seconds of a period, three calls, one after the other as the clock sees them.
    seconds = iter([9e-3, 6e-3, 3e-3, 6e-3, 9e-3])
    opened = []

    def open_(timed):
        opened.append((timed.call, timed.calls))
        return Opened(lambda: Sample(next(seconds)))

    slow = slowed(work, 0.1, Clock("cuda_cold", "", open=open_, devices=("cuda",)), {"cuda:0": gpu}.get)
    assert opened == [(work, 3)]
    slow()
    slow()
    # A tenth of 3 ms / 3 calls.
    assert gpu.spins_s == pytest.approx([1e-4, 1e-4])
