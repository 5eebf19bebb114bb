"""The clocks of a GPU, on one that is made up."""

import ctypes
import inspect
import re
import sys

import pytest
import torch as real_torch
from fake_cuda import LAUNCH_S, FakeTorch, Generator
from made_runs import case
from made_work import Opaque

from rsc_bench.harness.measure.attempt import attempt
from rsc_bench.harness.measure.clocks import CannotTime, Timed, cuda_cold, cuda_graph, cuda_hot
from rsc_bench.harness.measure.gpu import cuda, l2, queueing
from rsc_bench.harness.measure.gpu.cuda import Gpus
from rsc_bench.harness.measure.gpu.l2 import Flushes
from rsc_bench.harness.measure.sampling import Limits
from rsc_bench.harness.measure.work import Checked
from rsc_bench.harness.records.measurement import Accuracy, Matrix, coldness
from rsc_bench.plugins import load

CLOCKS = load("clock")
BETWEEN_EVENTS = ("cuda_cold", "cuda_hot")
MS = 1e-3


@pytest.fixture
def torch():
    return FakeTorch()


def gpus_of(torch):
    return Gpus(torch, now=torch.perf_counter)


def clocks_of(torch):
    """The clocks of a GPU by name, for this one."""
    gpus = gpus_of(torch)
    found = (cuda_cold.clock_of(gpus, Flushes(gpus, sizes=(2,))), cuda_hot.clock_of(gpus), cuda_graph.clock_of(gpus))
    return {clock.name: clock for clock in found}


def opened(torch, name, call, calls=1):
    clock = clocks_of(torch)[name].open(Timed(call, calls, torch.synchronise, "cuda:0"))
    torch.log.clear()
    return clock


def float32_ms(seconds):
    """As an event gives it."""
    return ctypes.c_float(seconds * 1e3).value / 1e3


@pytest.mark.parametrize("name", [*BETWEEN_EVENTS, "cuda_graph"])
def test_the_clock_of_a_gpu_is_not_for_a_cpu(name, torch):
    assert CLOCKS[name].devices == ("cuda",)
    assert clocks_of(torch)[name].missing() is None
    torch.cuda.is_available = lambda: False
    reason = clocks_of(torch)[name].missing()
    assert re.fullmatch(r"no CUDA device: torch sees no NVIDIA GPU \(.* doctor says more\)", reason)


def test_cold_and_hot_are_what_a_gpu_is_measured_with():
    assert {name for name, clock in CLOCKS.items() if "cuda" in clock.default} == set(BETWEEN_EVENTS)
    assert {name for name, clock in CLOCKS.items() if "cpu" in clock.default} == {"host"}


def test_without_torch_there_is_no_such_clock(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    assert Gpus().missing() == "torch is not installed: pip install torch"


def test_the_made_up_torch_has_nothing_that_torch_has_not():
    fake = FakeTorch()
    assert [name for name in vars(fake.cuda) if not hasattr(real_torch.cuda, name)] == []
    assert [name for name in vars(fake._C) if not hasattr(real_torch._C, name)] == []
    assert {"pool", "capture_error_mode"} <= set(inspect.signature(real_torch.cuda.graph.__init__).parameters)


def test_hot_spins_then_times_between_two_events(torch):
    opened(torch, "cuda_hot", torch.kernel("call")).take()
    assert torch.log == ["spin", "event", "call", "event"]


def test_cold_spins_then_flushes_right_before_the_first_event(torch):
    opened(torch, "cuda_cold", torch.kernel("call")).take()
    assert torch.log == ["spin", "flush", "event", "call", "event"]


@pytest.mark.parametrize("name", BETWEEN_EVENTS)
def test_a_sample_is_the_time_on_the_device_in_seconds_without_launch_spin_and_flush(torch, name):
    sample = opened(torch, name, torch.kernel("call", host_s=30e-6, device_s=2 * MS)).take()
    assert sample.seconds == pytest.approx(2 * MS, abs=1e-9)
    assert sample.launch_s == pytest.approx(30e-6)
    assert sample.exposed_calls == 0


def test_milliseconds_in_single_precision_are_made_seconds_once(torch):
    sample = opened(torch, "cuda_hot", torch.kernel("call", device_s=1.23456789e-3)).take()
    assert sample.seconds == pytest.approx(float32_ms(1.23456789e-3), rel=1e-7)


@pytest.mark.parametrize("name", BETWEEN_EVENTS)
def test_every_sample_has_events_of_its_own(torch, name):
    clock = opened(torch, name, torch.kernel("call"), calls=3)
    before = torch.events
    clock.take()
    clock.take()
    assert torch.events == before + 2 * 3 * 2, "a pair for each call; recording one twice would have failed"


def test_an_interval_is_flushed_before_each_call_and_summed(torch):
    durations = iter([5 * MS, 1 * MS, 1 * MS] * 2)

    def call():
        torch.kernel("call", device_s=next(durations))()

    sample = opened(torch, "cuda_cold", call, calls=3).take()
    assert torch.log == ["spin", "flush", "event", "call", "event"] * 3
    assert sample.seconds == pytest.approx(7 * MS, abs=1e-8), "the call that selects is in it"


def test_a_spin_that_was_too_short_is_repeated_with_a_longer_one(torch):
    slow = torch.kernel("call", host_s=10 * queueing.SHORTEST_S, device_s=2 * MS)
    sample = opened(torch, "cuda_hot", slow).take()
    assert torch.log == ["spin", "event", "call", "event"] * 2
    assert sample.seconds == pytest.approx(2 * MS, abs=1e-9), "on the first try the device waited for the host"
    assert sample.exposed_calls == 0


def test_the_length_of_the_spin_is_kept_for_the_next_sample(torch):
    clock = opened(torch, "cuda_hot", torch.kernel("call", host_s=10 * queueing.SHORTEST_S))
    clock.take()
    torch.log.clear()
    clock.take()
    assert torch.log.count("call") == 1


def test_a_call_that_waits_for_the_device_is_timed_with_its_waiting_and_says_so(torch):
    clock = opened(torch, "cuda_hot", torch.kernel("call", device_s=MS, waits=True))
    sample = clock.take()
    assert torch.log.count("call") == queueing.TRIES
    assert (sample.exposed_calls, sample.launch_s) == (1, None)
    torch.log.clear()
    sample = clock.take()
    assert torch.log == ["event", "call", "event"], "no spin is long enough for it, so none is made"
    assert sample.seconds == pytest.approx(MS + LAUNCH_S, abs=1e-8)


def test_of_an_interval_only_the_call_that_waits_is_exposed(torch):
    turn = [0]

    def call():
        torch.kernel("call", waits=turn[0] % 4 == 0)()
        turn[0] += 1

    clock = opened(torch, "cuda_cold", call, calls=4)
    clock.take()
    assert turn[0] % 4 == 0, "a round is repeated whole"
    sample = clock.take()
    assert sample.exposed_calls == 1
    assert sample.launch_s == pytest.approx(LAUNCH_S), "of the calls that were queued"


def busy_host(torch, quiet_after):
    """A round of two calls of which one takes the host long, in turns, so that neither is exposed in two rounds in a row."""
    made = [0]

    def call():
        at, made[0] = made[0], made[0] + 1
        slow = at < 2 * quiet_after and at % 2 == at // 2 % 2
        torch.kernel("call", host_s=2 * queueing.LONGEST_S if slow else LAUNCH_S)()

    return call


def test_a_host_that_is_never_quiet_ends_in_a_sample_that_says_so(torch):
    sample = opened(torch, "cuda_hot", busy_host(torch, quiet_after=10**6), calls=2).take()
    assert torch.log.count("call") == 2 * queueing.MOST_ROUNDS
    assert sample.exposed_calls == 1
    assert sample.seconds > 2 * MS, "and its waiting for the host is on the clock"


def test_a_host_that_calms_down_ends_in_a_sample_without_exposed_calls(torch):
    sample = opened(torch, "cuda_hot", busy_host(torch, quiet_after=4), calls=2).take()
    assert torch.log.count("call") == 2 * 5
    assert (sample.exposed_calls, sample.seconds) == (0, pytest.approx(2 * MS, abs=1e-8))


def test_no_spin_is_longer_than_the_longest(torch):
    spin = queueing.Spin()
    spin.learn(enqueue_s=1.0, exposed=True)
    assert spin.seconds == queueing.LONGEST_S


def test_a_hiccup_of_the_host_is_forgotten_after_the_next_call():
    spin = queueing.Spin()
    for _ in range(10):
        assert spin.learn(enqueue_s=1.0, exposed=True)
        assert not spin.learn(enqueue_s=1e-6, exposed=False)
    assert (spin.seconds, spin.waits) == (queueing.SHORTEST_S, False)


def test_the_counter_of_the_spin_is_measured_at_the_fastest_clock():
    fake = FakeTorch(cycles_per_s=2e9)
    gpu = gpus_of(fake).gpu("cuda:0")
    start = fake.free_s = fake.host_s
    gpu.spin(0.5)
    assert fake.free_s - start == pytest.approx(0.5, rel=1e-6)


def test_a_gpu_is_measured_once(torch):
    gpus = gpus_of(torch)
    assert gpus.gpu("cuda:0") is gpus.gpu("cuda:0")
    assert gpus.gpu("cuda:0") is not gpus_of(torch).gpu("cuda:0")


def test_what_can_still_be_allocated_is_what_is_free_and_what_torch_keeps_in_reserve(torch):
    torch.cuda.mem_get_info = lambda device: (500, 1000)
    torch.cuda.memory_reserved, torch.cuda.memory_allocated = (lambda device: 300), (lambda device: 100)
    assert gpus_of(torch).free_bytes("cuda:0") == 500 + 200


def test_a_graph_is_captured_once_and_replayed(torch):
    clock = opened(torch, "cuda_graph", torch.kernel("call", device_s=MS))
    assert clock.take().seconds == pytest.approx(MS, abs=1e-9)
    clock.take()
    assert torch.log == ["spin", "event", "replay", "event"] * 2, "captured when it was opened, and no more after that"


def test_a_graph_has_a_whole_interval(torch):
    made = torch.kernel("call", device_s=MS)
    clock = clocks_of(torch)["cuda_graph"].open(Timed(made, 3, torch.synchronise, "cuda:0"))
    assert torch.log[-4:] == ["capture", "call", "call", "call"]
    assert torch.log.count("call") == 6, "once on a stream of its own, once captured"
    sample = clock.take()
    assert sample.seconds == pytest.approx(3 * MS, abs=1e-8)
    assert sample.launch_s == pytest.approx(LAUNCH_S / 3), "one launch for three calls"
    assert sample.exposed_calls == 0
    assert torch.streams[-1] == "default"


def test_a_graph_knows_the_generators_that_its_calls_draw_from(torch):
    own = Generator()
    clock = opened(torch, "cuda_graph", lambda: torch.rand(generator=own), calls=3)
    assert clock.take().seconds == pytest.approx(3 * MS, abs=1e-8)
    assert not own.capturing
    torch.rand(generator=own)  # and draws without a graph, too


def test_a_generator_of_a_capture_that_failed_still_draws(torch):
    own, waits = Generator(), torch.kernel("call", waits=True)

    def call():
        torch.rand(generator=own)
        waits()

    with pytest.raises(CannotTime, match="not permitted when stream is capturing"):
        opened(torch, "cuda_graph", call)
    torch.rand(generator=own)


def test_generators_are_noticed_once_each_whatever_draws():
    one, other = real_torch.Generator(), real_torch.Generator()

    def work():
        real_torch.rand(2, generator=one)
        real_torch.randperm(3, generator=one)
        real_torch.empty(2).normal_(generator=other)
        real_torch.rand(2)

    assert cuda.drawn_from(work) == [one, other]


def test_what_cannot_be_captured_says_what_went_wrong_first_and_leaves_no_trace(torch):
    with pytest.raises(CannotTime) as caught:
        opened(torch, "cuda_graph", torch.kernel("call", waits=True))
    assert str(caught.value) == (
        "cannot be captured in a CUDA graph: RuntimeError: operation not permitted when stream is capturing"
    )
    assert torch.streams[-1] == "default"
    assert torch.abandoned == [(0, (1, 0))], "the allocator captures no longer"
    assert not torch.cuda.default_generators[0].capturing, "a generator in this state refuses to draw a dropout"


def test_a_flush_is_twice_the_l2_at_least_and_shown_to_be_cold_once(torch):
    gpus = gpus_of(torch)
    flushes = Flushes(gpus)
    shown = flushes.shown("cuda:0")
    assert shown.buffer_bytes == 2 * gpus.gpu("cuda:0").l2_bytes
    assert {name: len(times_s) for name, times_s in shown.probe_s.items()} == dict.fromkeys(("hot", "flushed", "memory"), l2.READS)
    assert coldness(shown.probe_s) == pytest.approx(1)
    assert flushes.shown("cuda:0") is shown


def test_a_cold_clock_shows_how_cold_its_flush_is(torch):
    gpus = gpus_of(torch)
    flushes = Flushes(gpus, sizes=(2,))
    clock = cuda_cold.clock_of(gpus, flushes).open(Timed(torch.kernel("call"), 1, torch.synchronise, "cuda:0"))
    assert clock.flush_probe_s == flushes.shown("cuda:0").probe_s


def test_a_hot_clock_has_nothing_to_show(torch):
    assert opened(torch, "cuda_hot", torch.kernel("call")).flush_probe_s is None


def reads(flushed, hot=2.0, memory=4.0):
    """What a probe of a flush may find, in seconds."""
    return {"hot": [hot], "flushed": [flushed], "memory": [memory]}


def probing(*found):
    """A probe that finds one after the other."""
    left = iter(found)
    return lambda gpu, flush: next(left)


def test_a_flush_that_cannot_be_judged_is_warned_of(torch):
    torch.l2_holds_on = True
    gpus = gpus_of(torch)
    with pytest.warns(UserWarning, match=r"cuda_cold: reads after a flush of 0 MB found memory as fast as a hot L2"):
        shown = Flushes(gpus, sizes=(2, 4)).shown("cuda:0")
    assert shown.buffer_bytes == 2 * gpus.gpu("cuda:0").l2_bytes, "a larger one would be judged no better"


def test_the_smallest_flush_that_reaches_memory_is_taken(torch):
    gpus = gpus_of(torch)
    flushes = Flushes(gpus, probe=probing(reads(flushed=2.6), reads(flushed=3.8)))
    assert flushes.shown("cuda:0").buffer_bytes == 4 * gpus.gpu("cuda:0").l2_bytes


def test_a_flush_that_never_reaches_memory_is_the_largest_and_warns_how_far_it_gets(torch):
    gpus = gpus_of(torch)
    with pytest.warns(UserWarning, match="found only 30% on the way from the L2 to memory: times may be those of a warm cache"):
        shown = Flushes(gpus, probe=probing(*[reads(flushed=2.6)] * 3)).shown("cuda:0")
    assert shown.buffer_bytes == max(l2.SIZES) * gpus.gpu("cuda:0").l2_bytes


class Work(Opaque):
    """A cached kernel on the made-up GPU, whose selecting call waits for the device."""

    device, period, tune_s = "cuda:0", 4, None

    def __init__(self, torch):
        self.made, self.synchronise = 0, torch.synchronise
        self._kernel, self._selecting = torch.kernel("multiply"), torch.kernel("select", device_s=3 * MS, waits=True)
        self.select, self.multiply = self._selecting, self._kernel

    def __call__(self):
        if self.made % self.period == 0:
            self._selecting()
        self.made += 1
        self._kernel()

    def check(self, result):
        return Checked(Matrix(nnz=9, kept_nnz=1, rows=3, columns=3), Accuracy(rel_error=0.5, check_error=0.0))

    def result_bytes(self, result):
        return 0


def test_a_case_is_measured_on_a_gpu_by_the_same_path_as_on_a_cpu(torch):
    gpus = gpus_of(torch)
    flushes = Flushes(gpus, sizes=(2,))
    clock = cuda_cold.clock_of(gpus, flushes)
    record = attempt(case(clock="cuda_cold"), lambda: lambda: Work(torch), clock, Limits(warmup_s=0))
    assert record.status == "ok", record.reason
    found = record.measurement.timing
    assert found.times_s[0] == pytest.approx((4 * MS + 3 * MS) / 4, rel=0.01), "four multiplies and one selection, per call"
    assert found.select_s[0] == pytest.approx(3 * MS, rel=0.01)
    assert found.multiply_s[0] == pytest.approx(MS, rel=1e-6)
    assert set(found.exposed_calls) == {1}
    assert found.launch_s[0] == pytest.approx(LAUNCH_S)
    assert len(found.launch_s) == len(found.exposed_calls) == len(found.times_s)
    assert found.flush_probe_s == flushes.shown("cuda:0").probe_s


@pytest.mark.parametrize(
    ("hot", "flushed", "memory", "share"),
    [([2, 2, 9], [4, 4, 4], [4, 4, 4], 1.0), ([2.0], [2.0], [4.0], 0.0), ([2.0], [3.0], [4.0], 0.5), ([2.0], [2.3], [2.3], None)],
)
def test_how_far_a_flush_reaches_follows_from_the_medians(hot, flushed, memory, share):
    assert coldness({"hot": hot, "flushed": flushed, "memory": memory}) == share
