import contextlib
import math
from pathlib import Path

import pytest
from made_runs import case

from rsc_bench.harness.measure import attempt as module
from rsc_bench.harness.measure.attempt import SHORT_S, Take, attempt
from rsc_bench.harness.measure.clocks import CannotTime, Clock, Opened, Sample
from rsc_bench.harness.measure.memory.device import HostMemory
from rsc_bench.harness.measure.memory.process import ProcFiles
from rsc_bench.harness.measure.sampling import Limits
from rsc_bench.harness.measure.watch import NotWatched, watched
from rsc_bench.harness.measure.work import Checked, Skip, Unprobed, Wrong
from rsc_bench.harness.records.measurement import Accuracy, Matrix

LIMITS = Limits(warmup_s=0, time_s=10)
FACTS = Checked(
    Matrix(nnz=100, kept_nnz=10, rows=10, columns=10, kept_pairs=2, graph_digest="abc"),
    Accuracy(rel_error=0.5, check_error=1e-7),
)


class Noted(Unprobed):
    """Calls work, and writes down that it is changed and looked at."""

    def __init__(self, done, call):
        super().__init__(call)
        object.__setattr__(self, "done", done)

    def change(self):
        self.done.append("change")

    def look(self):
        self.done.append("look")

    def judge(self):
        self.done.append("judge")


class Work:
    """Work that writes down what is done to it; its result is the number of the call."""

    device = "cpu"
    tune_s = None

    def __init__(self, wrong_from=None, period=1, sampled=False, result_bytes=0):
        self.done, self._result_bytes = [], result_bytes
        self._wrong_from, self.period = wrong_from, period
        self.select = (lambda: self.done.append("select")) if sampled else None
        self.multiply = (lambda: self.done.append("multiply")) if sampled else None

    def __call__(self):
        self.done.append("call")
        return self.done.count("call")

    def check(self, result):
        self.done.append("check")
        if self._wrong_from is not None and result >= self._wrong_from:
            raise Wrong(f"relative error against float64 must be at most 1e-05 (got 2 in call {result})")
        return FACTS

    def check_memory(self):
        self.done.append("check memory")

    def check_kept(self):
        pass

    def check_operands(self):
        self.done.append("check operands")

    def probe(self, call):
        return Noted(self.done, call)

    def result_bytes(self, result):
        return self._result_bytes

    def synchronise(self):
        pass


def clock(second=1.0, **beside):
    def opened(timed):
        def take():
            for _ in range(timed.calls):
                timed.call()
            return Sample(second, **beside)

        return Opened(take)

    return Clock("still", "Always the same.", opened, ("cpu",))


class Memory:
    """Memory of which so much is in use each time it is looked at, and that a call goes 50 bytes above."""

    def __init__(self, *in_use):
        self._in_use = iter(in_use)

    def resident(self):
        return next(self._in_use)

    def peak_of(self, call):
        return call(), 50

    def allocator_peaks(self):
        return None, None


def watching(memory):
    """What watches a case that runs on a device with such memory."""
    return lambda case: contextlib.nullcontext(NotWatched(memory))


def measured(work, watch=watched):
    record = attempt(case(), lambda: lambda: work, clock(), LIMITS, watch)
    assert record.status == "ok", record.reason
    return record.measurement


def record_of(error):
    def prepare():
        raise error

    return attempt(case(), lambda: prepare, clock(), LIMITS)


def test_work_is_checked_then_timed_then_checked_again():
    work = Work()
    found = measured(work)
    assert work.done[:4] == ["call", "check", "call", "check memory"], "nothing is timed of what has failed a check"
    assert work.done[-3:] == ["call", "check", "check operands"]
    assert work.done.count("check") == 2
    calls = 1 + 1 + 1 + 1 + len(found.timing.times_s) + 1
    assert work.done.count("call") == calls, "checked, weighed, warmed up, called for the caches, timed, checked"


def test_a_measurement_holds_what_the_check_found():
    found = measured(Work())
    assert (found.matrix, found.accuracy) == (FACTS.matrix, FACTS.accuracy)
    assert (found.timing.times_s, found.timing.stop, found.timing.warmup_calls) == ([1.0] * 6, "precise", 3)
    assert found.timing.prepare_s > 0
    assert (found.gpu, found.training, found.imported) == (None, None, None)


@pytest.mark.parametrize(
    ("period", "new", "calls"),
    [
        pytest.param(1, (16, 0, 900, 0, 0, 0, 16), 6, id="three old ones in a row"),
        pytest.param(4, (16, 0, 0, 0, 0), 5, id="a whole period of old ones"),
        pytest.param(2, (16,) * 99, 14, id="never: it is not waited for longer"),
        pytest.param(1, (8,) * 9, 3, id="a few faults have other causes"),
    ],
)
def test_where_freed_memory_is_kept_nothing_is_timed_before_calls_find_it(monkeypatch, period, new, calls):
    """`new`: page faults of each call of the warm-up, which are read before it and after it."""
    readings = [0]
    for count in new:
        readings += [readings[-1] + count] * 2
    taken = iter(readings)
    monkeypatch.setattr(module.allocator, "is_kept", lambda: True)
    monkeypatch.setattr(module, "page_faults", lambda: next(taken))
    assert measured(Work(period=period)).timing.warmup_calls == 1 + period + calls


def test_in_a_plain_process_no_page_faults_are_counted(monkeypatch):
    monkeypatch.setattr(module, "page_faults", lambda: pytest.fail("each call has new memory"))
    assert measured(Work()).timing.warmup_calls == 3


def test_work_that_is_wrong_from_the_start_is_never_timed():
    work = Work(wrong_from=1)
    record = attempt(case(), lambda: lambda: work, clock(), LIMITS)
    assert (record.status, record.measurement) == ("wrong", None)
    assert record.reason == "relative error against float64 must be at most 1e-05 (got 2 in call 1)"
    assert work.done == ["call", "check"]


def test_work_that_turns_wrong_in_its_last_call_has_no_time():
    calls = measured_calls()
    record = attempt(case(), lambda: lambda: Work(wrong_from=calls), clock(), LIMITS)
    assert (record.status, record.measurement) == ("wrong", None)
    assert f"call {calls}" in record.reason


def measured_calls():
    work = Work()
    measured(work)
    return work.done.count("call")


def test_a_result_of_no_numbers_is_wrong():
    class Nan(Work):
        def check(self, result):
            return Checked(FACTS.matrix, Accuracy(rel_error=math.nan, check_error=math.nan))

    record = attempt(case(), lambda: Nan, clock(), LIMITS)
    assert record.status in {"wrong", "failed"}
    assert "rel_error must be finite (got nan)" in record.reason


def test_a_sample_of_a_period_is_divided_by_its_calls():
    work = Work(period=10)
    found = measured(work).timing
    assert found.times_s == [0.1] * 6
    assert found.calls_per_sample == 10


def test_what_the_clock_says_beside_the_seconds_is_kept_for_every_sample():
    found = attempt(case(), lambda: Work, clock(launch_s=0.25, exposed_calls=1), LIMITS).measurement.timing
    assert (found.launch_s, found.exposed_calls) == ([0.25] * 6, [1] * 6)


def test_a_clock_of_the_host_says_nothing_beside_the_seconds():
    found = measured(Work()).timing
    assert (found.launch_s, found.exposed_calls, found.flush_probe_s) == (None, None, None)


def test_what_a_clock_cannot_time_is_skipped_with_the_reason():
    def opened(timed):
        raise CannotTime("cannot be captured in a CUDA graph: RuntimeError: it reads a number back")

    record = attempt(case(), lambda: Work, Clock("graph", "Refuses.", opened, ("cpu",)), LIMITS)
    assert record.status == "skipped"
    assert record.reason == "cannot be captured in a CUDA graph: RuntimeError: it reads a number back"


def test_warming_up_waits_for_each_call():
    class Queued(Work):
        def synchronise(self):
            self.done.append("wait")

    work = Queued()
    module._warm_up(work.probe(work), work, Limits(warmup_s=0.001))
    assert work.done[:8] == ["change", "call", "wait", "look"] * 2, "a queue would take seconds of calls in a millisecond"


def test_each_sample_is_taken_over_another_operand_and_looked_at_off_the_clock():
    work = Work(period=2)
    found = measured(work)
    sample = ["change", "call", "call", "look"]
    warm_up = ["change", "call", "look", "call"]  # the last for the caches, before the first sample: others are long
    begin = work.done.index("check memory") + 1 + len(warm_up)
    assert work.done[:begin][-4:] == warm_up
    assert work.done[begin:][: 4 * len(found.timing.times_s)] == sample * len(found.timing.times_s)
    assert work.done.count("judge") == 1


@pytest.mark.parametrize(("seconds", "calls"), [(SHORT_S / 2, 12), (SHORT_S, 7)])
def test_before_a_short_sample_the_work_is_called_once_more_and_before_the_operand_changes(seconds, calls):
    done = []
    take = Take(Noted(done, lambda: done.append("call")), lambda: done.append("call") or seconds)
    for _ in range(6):
        assert take() == seconds
    assert done.count("call") == calls
    assert done[:4] == ["call", "change", "call", "look"]


def test_a_result_that_does_not_follow_its_operand_has_no_time():
    class Remembers(Noted):
        def judge(self):
            raise Wrong("result must follow its operand")

    class Remembering(Work):
        def probe(self, call):
            return Remembers(self.done, call)

    record = attempt(case(), lambda: Remembering, clock(), LIMITS)
    assert (record.status, record.reason, record.measurement) == ("wrong", "result must follow its operand", None)


@pytest.mark.parametrize("part", ["check_memory", "check_operands"])
def test_work_that_shares_memory_or_changes_its_operands_is_wrong(part):
    def refuse(self):
        raise Wrong(f"fails {part}")

    record = attempt(case(), lambda: type("Bad", (Work,), {part: refuse}), clock(), LIMITS)
    assert (record.status, record.reason) == ("wrong", f"fails {part}")


def test_a_case_that_changes_the_process_is_wrong_and_the_process_is_put_back():
    torch = pytest.importorskip("torch", reason="torch is not installed: pip install torch")
    before = torch.get_default_dtype()

    class Changes(Work):
        def __call__(self):
            torch.set_default_dtype(torch.float64)
            return super().__call__()

    record = attempt(case(), lambda: Changes, clock(), LIMITS)
    assert (record.status, record.reason, record.measurement) == ("wrong", "changed torch's default dtype", None)
    assert torch.get_default_dtype() is before
    failed = attempt(case(), lambda: lambda: Changes(wrong_from=1), clock(), LIMITS)
    assert failed.status == "wrong"
    assert failed.reason.endswith("(got 2 in call 1); it also changed torch's default dtype")


def test_selecting_and_multiplying_are_timed_apart():
    work = Work(period=10, sampled=True)
    found = measured(work).timing
    assert found.select_s == found.multiply_s == [1.0] * 6
    assert work.done.count("select") == work.done.count("multiply") == 7, "once off the clock, then timed"


def test_a_work_without_parts_has_no_times_of_them():
    found = measured(Work()).timing
    assert (found.select_s, found.multiply_s) == (None, None)


def test_operands_are_made_before_the_clock_of_preparing_starts(monkeypatch):
    order = []
    monkeypatch.setattr(module, "perf_counter", lambda: order.append("clock") or 0.0)

    def ready():
        order.append("operands")
        return lambda: order.append("prepare") or Work()

    attempt(case(), ready, clock(), LIMITS)
    assert order[:4] == ["operands", "clock", "prepare", "clock"]


def test_a_failure_to_make_the_operands_is_a_record():
    def ready():
        raise Skip("operands need 9 GB of memory")

    assert attempt(case(), ready, clock(), LIMITS).reason == "operands need 9 GB of memory"


def test_memory_that_cannot_be_read_is_absent(tmp_path):
    nowhere = ProcFiles(status=tmp_path / "absent", clear_refs=Path("/nowhere/clear_refs"))
    found = measured(Work(), watching(HostMemory(nowhere))).memory
    assert (found.peak_bytes, found.workspace_bytes) == (None, None)


def test_memory_is_the_peak_above_what_was_in_use_before_preparing():
    # 100 in use before preparing and 130 after; the call goes 50 above that, 20 of it its result.
    found = measured(Work(result_bytes=20), watching(Memory(100, 130, 130, 130))).memory
    assert (found.peak_bytes, found.workspace_bytes) == (80, 30)


@pytest.mark.parametrize("left", [7, 0, -7])
def test_what_a_check_keeps_or_lets_go_of_is_no_memory_of_the_case(left):
    # A reference that later cases share; and those that made room for it, of earlier ones.
    found = measured(Work(), watching(Memory(100, 130, 130 + left, 130 + left)))
    assert found.memory.peak_bytes == 80


def test_the_seconds_of_tuning_stand_beside_those_of_preparing():
    tuned = Work()
    tuned.tune_s = 2.5
    assert measured(tuned).timing.tune_s == 2.5
    assert measured(Work()).timing.tune_s is None, "there was nothing to tune"


@pytest.mark.parametrize(
    ("error", "status", "reason"),
    [
        (Skip("no CUDA device"), "skipped", "no CUDA device"),
        (Wrong("off by 2"), "wrong", "off by 2"),
        (MemoryError(), "failed", "MemoryError"),
        (RuntimeError("first line\nsecond line"), "failed", "RuntimeError: first line"),
        (ValueError("\n  \nhidden start"), "failed", "ValueError: hidden start"),
        (AssertionError(), "failed", "AssertionError"),
    ],
)
def test_whatever_happens_becomes_a_record_with_a_reason_of_one_line(error, status, reason):
    record = record_of(error)
    assert (record.status, record.reason, record.measurement) == (status, reason, None)


@pytest.mark.parametrize("error", [Skip(""), Wrong(""), Skip("a\nb")])
def test_a_reason_is_one_line_also_where_there_is_little_to_say(error):
    record = record_of(error)
    assert record.reason is not None
    assert "\n" not in record.reason


def test_an_interruption_is_not_a_record():
    with pytest.raises(KeyboardInterrupt):
        record_of(KeyboardInterrupt())


class Textless(Exception):
    """An error whose text cannot be made."""

    def __str__(self):
        raise ValueError("no text")


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (SystemExit(0), "SystemExit: 0"),
        (GeneratorExit(), "GeneratorExit"),
        (pytest.skip.Exception("not today"), "Skipped: not today"),
        (RuntimeError("bad \udcff name"), r"RuntimeError: bad \udcff name"),
        (Textless(), "Textless: its text cannot be made"),
    ],
    ids=["exits", "closes", "skips", "no UTF-8", "no text"],
)
def test_whatever_a_kernel_raises_is_a_record_that_can_be_written(error, reason):
    record = record_of(error)
    assert (record.status, record.reason) == ("failed", reason)
    assert record.reason.encode()


def test_a_failure_while_timing_is_a_record_too():
    class Breaks(Work):
        def __call__(self):
            if self.done.count("call") == 4:
                raise MemoryError("cannot allocate 3 GiB")
            return super().__call__()

    record = attempt(case(), lambda: Breaks, clock(), LIMITS)
    assert (record.status, record.reason) == ("failed", "MemoryError: cannot allocate 3 GiB")
