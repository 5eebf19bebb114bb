"""Phases add up to the whole, and what the profiler fails at is said while the rest stands."""

import contextlib
import json
import time
from types import SimpleNamespace

import pytest

pytest.importorskip("torch", reason="torch is not installed: pip install torch")
pytest.importorskip("rich", reason="rich is not installed: pip install rich")

import torch

from rsc_bench.harness.measure.profile import Plan, ProfileError, _operations, take
from rsc_bench.harness.measure.ranges import Ranges
from rsc_bench.harness.output import profile as profile_text
from rsc_bench.harness.output.console import Screen


def work(named):
    for _ in range(2):
        with named("multiply"):
            torch.ones(40, 40) @ torch.ones(40, 40)
    with named("select"):
        time.sleep(0.02)
    time.sleep(0.01)


def plan(call=work, **parts):
    return Plan("case", "a case, in words", call, "cpu", ("multiply", "select"), **parts)


def test_phases_and_the_rest_are_the_whole():
    taken = take(plan(rest="dense"))
    assert [(entry.name, entry.calls) for entry in taken.phases] == [("multiply", 2), ("select", 1), ("dense", None)]
    multiply, select, dense = (entry.host_s for entry in taken.phases)
    assert select >= 0.02
    assert dense >= 0.01
    assert multiply + select + dense == pytest.approx(taken.whole.host_s)
    assert taken.trouble is None


def test_operations_stand_under_their_names_and_other_code_under_its_phase():
    calls = {entry.name: entry.calls for entry in take(plan()).operations}
    assert calls["aten::mm"] == 2
    assert calls["(select: Python and compiled code)"] == 1
    assert "select" not in calls


def test_the_operations_come_longest_first():
    times = [entry.host_s for entry in take(plan()).operations]
    assert times == sorted(times, reverse=True)


def test_the_trace_names_the_ranges(tmp_path):
    path = tmp_path / "deep" / "trace.json"
    take(plan()).write(path)
    names = {event.get("name") for event in json.loads(path.read_text())["traceEvents"]}
    assert {"multiply", "select", "aten::mm"} <= names
    assert list(path.parent.iterdir()) == [path]


def test_a_trace_that_cannot_be_written_is_one_line_and_leaves_nothing(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ProfileError, match=r"the trace cannot be written .* give another --output folder"):
        take(plan()).write(tmp_path / "file" / "trace.json")
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]


@pytest.mark.parametrize("step", ["start", "stop", "events"])
def test_a_profiler_that_fails_leaves_the_phases(monkeypatch, step):
    def fail(self):
        raise RuntimeError("CUPTI_ERROR_INSUFFICIENT_PRIVILEGES\nmore")

    monkeypatch.setattr(torch.profiler.profile, step, fail)
    taken = take(plan())
    assert taken.trouble.startswith("torch's profiler ")
    assert "(CUPTI_ERROR_INSUFFICIENT_PRIVILEGES)" in taken.trouble
    assert taken.write is None
    assert taken.phases[1].host_s >= 0.02
    if step == "stop":
        monkeypatch.undo()
        torch.autograd._disable_profiler()  # what the failing stop left running


def test_work_that_fails_under_the_profiler_says_so_and_leaves_no_profiler_running():
    def fail(named):
        raise RuntimeError("out of memory")

    with pytest.raises(ProfileError, match=r"failed under the profiler \(RuntimeError: out of memory\)"):
        take(plan(fail))
    assert take(plan()).trouble is None


def test_the_text_has_a_line_a_phase_and_the_share_of_each():
    lines = profile_text.as_text(take(plan()), Screen(100)).splitlines()
    assert lines[0] == "a case, in words"
    (whole,) = (line for line in lines if line.startswith("all of it"))
    assert whole.split()[-1] == "100.0"
    assert any(line.startswith("multiply") and line.split()[1] == "2" for line in lines)


class Event:
    """Stands for torch.cuda.Event: a clock that moves on by a second at each record."""

    now_s = 0

    def __init__(self, enable_timing):
        assert enable_timing

    def record(self):
        Event.now_s += 1
        self.at_s = Event.now_s

    def elapsed_time(self, end):
        return 1e3 * (end.at_s - self.at_s)


def test_on_a_gpu_ranges_are_events_and_nvtx_too():
    opened = []

    def nvtx(name):
        opened.append(name)
        return contextlib.nullcontext()

    cuda = SimpleNamespace(Event=Event, nvtx=SimpleNamespace(range=nvtx), synchronize=lambda: None)
    named = Ranges("cuda:0", SimpleNamespace(cuda=cuda, profiler=torch.profiler))
    with named("whole"):
        for _ in range(2):
            with named("part"):
                pass
    assert opened == ["whole", "part", "part"]
    assert named.entry("part").device_s == 2  # two pairs of events, a second apart each
    assert named.entry("whole").device_s == 5
    assert named.entry("never").calls == 0


class Events(list):
    """Stands for what torch's profiler saw of a GPU; each event is its own average."""

    def key_averages(self):
        return self


def event(key, kind, device_us=0, host_us=0, **beyond):
    fields = {"count": 1, "kernels": (), "is_user_annotation": False} | beyond
    times = {"self_device_time_total": device_us, "self_cpu_time_total": host_us}
    return SimpleNamespace(key=key, device_type=SimpleNamespace(name=kind), **times, **fields)


def test_on_a_gpu_a_kernel_counts_once_under_its_operation_or_else_for_itself():
    events = Events(
        [
            event("aten::mm", "CPU", device_us=30, host_us=5, kernels=(SimpleNamespace(name="gemm"),)),
            event("gemm", "CUDA", device_us=30),
            event("select", "CPU", host_us=7, is_user_annotation=True),
            event("select", "CUDA", device_us=90, is_user_annotation=True),
            event("_spmm", "CUDA", device_us=60),  # launched by Triton, inside no operation
        ]
    )
    on_gpu = Plan("case", "a case", work, "cuda:0", ("multiply", "select"))
    found = {entry.name: (entry.device_s, entry.host_s) for entry in _operations(on_gpu, events)}
    assert found == {"_spmm": (6e-05, 0), "aten::mm": (3e-05, 5e-06), "(select: Python and compiled code)": (0, 7e-06)}
