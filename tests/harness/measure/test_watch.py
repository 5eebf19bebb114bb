import contextlib
import sys
import threading
import time
from types import SimpleNamespace

import msgspec
import pytest
from made_work import Opaque

pytest.importorskip("pynvml", reason="the fake borrows the library's constants")

from made_nvml import LOST, NOT_LOADED, UUID, FakeNvml, NVMLError
from made_runs import case

from rsc_bench.harness.measure.attempt import attempt
from rsc_bench.harness.measure.clocks import Clock, Opened, Sample
from rsc_bench.harness.measure.gpu.energy import EnergyPass
from rsc_bench.harness.measure.sampling import Limits
from rsc_bench.harness.measure.watch import Watcher
from rsc_bench.harness.measure.work import Checked, Skip
from rsc_bench.harness.records.lines import RecordLine, from_line, to_line
from rsc_bench.harness.records.measurement import Accuracy, GpuReadings, Matrix

LIMITS = Limits(time_s=10, fewest=5)
ON_GPU = case("rows_triton", device="cuda:0", clock="cuda_hot")


class Torch:
    """A torch that sees one GPU, by the UUID that NVML knows, and an allocator of which a call takes 50 bytes."""

    __version__ = "2.99"

    def __init__(self):
        self.done = []
        self.highest = 0
        self.cuda = SimpleNamespace(
            is_available=lambda: True,
            synchronize=self.done.append,
            get_device_properties=lambda device: SimpleNamespace(uuid=UUID),
            memory_allocated=lambda device: 100,
            max_memory_allocated=lambda device: self.highest,
            max_memory_reserved=lambda device: 1000,
            reset_peak_memory_stats=lambda device: setattr(self, "highest", 150),
            empty_cache=lambda: None,
        )


@pytest.fixture
def torch():
    return Torch()


@pytest.fixture
def watcher(torch):
    """A new process: nothing is known of any GPU; passes for energy are short, and few steps are enough."""
    return Watcher(torch, EnergyPass(seconds=0.15, fewest_steps=3, settle_s=0.0))


@pytest.fixture
def library(monkeypatch):
    made = FakeNvml()
    monkeypatch.setitem(sys.modules, "pynvml", made)
    return made


def busy():
    time.sleep(0.002)
    return 1


def readings(watcher, of=ON_GPU):
    """What the sensors report of 6 samples and a pass for energy."""
    with watcher.watched(of, period_s=0.01) as watching:
        watching.mark("prepare")
        watching.mark("sample")
        watching.sampled(lambda: 1.0, LIMITS)
        watching.measure_energy(busy)
        return watching.readings()


def test_a_case_on_a_gpu_has_a_trace_energy_and_flags(library, watcher):
    found = readings(watcher)
    assert found.trace.power_w
    assert found.trace.mark_s.keys() == {"prepare", "sample", "energy", "end"}
    assert found.energy.calls > 0
    assert found.energy.idle_w == pytest.approx(100, rel=0.5)
    assert found.throttled == []
    assert (found.trace_missing, found.energy_missing, found.shared_with) == (None, None, None)


class Work(Opaque):
    """A kernel that takes 2 ms."""

    period, device, select, multiply, tune_s = 1, "cuda:0", None, None, None

    def __call__(self):
        return busy()

    def check(self, result):
        return Checked(Matrix(nnz=4, kept_nnz=4, rows=2, columns=2), Accuracy(rel_error=0.0, check_error=0.0))

    def result_bytes(self, result):
        return 8

    def synchronise(self):
        pass


def test_the_record_of_a_case_on_a_gpu_has_all_that_was_read(library, watcher):
    clock = Clock("still", "Always the same.", lambda timed: Opened(lambda: Sample(timed.call() * 0.25)), devices=("cuda",))
    record = attempt(ON_GPU, lambda: Work, clock, Limits(warmup_s=0, time_s=10), watcher.watched)
    found = record.measurement
    assert record.reason is None
    assert found.gpu.trace.mark_s.keys() == {"prepare", "sample", "parts", "energy", "check", "end"}
    assert found.gpu.energy.calls > 10
    assert (found.gpu.throttled, found.timing.times_s) == ([], [0.25] * 6)
    assert (found.memory.peak_bytes, found.memory.workspace_bytes) == (50, 42)
    assert (found.memory.allocated_peak_bytes, found.memory.reserved_peak_bytes) == (150, 1000)
    line = msgspec.json.decode(msgspec.json.encode(to_line(record)), type=RecordLine)
    assert from_line(line) == record


def test_a_case_on_a_cpu_is_not_watched_and_asks_nothing(library):
    # A torch without anything in it: whatever is asked of it raises.
    watcher = Watcher(SimpleNamespace())
    assert readings(watcher, case()) is None
    with watcher.watched(case()) as watching:
        assert watching.sampled(lambda: 1.0, LIMITS) == ([1.0] * 6, "precise")
    assert library.started == 0


def test_the_case_names_who_else_uses_the_gpu(library, watcher):
    library.running = [*library.running, SimpleNamespace(pid=2**22 + 1, usedGpuMemory=2**30)]
    assert readings(watcher).shared_with == ["a process not seen from here (pid 4194305, 1.0 GiB)"]


def test_throttled_samples_are_marked(library, watcher):
    library.reasons = 0x40
    assert readings(watcher).throttled[:6] == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("nvmlInit", NOT_LOADED, "NVML does not start (Driver Not Loaded)"),
        ("nvmlDeviceGetHandleByUUID", 4, f"NVML finds no GPU with UUID {UUID} (Insufficient Permissions)"),
    ],
)
def test_without_nvml_there_is_a_reason_and_the_case_is_measured(library, watcher, name, value, reason):
    library.refuse(name, value)
    assert readings(watcher) == GpuReadings(trace_missing=reason, energy_missing=reason)


def test_on_a_gpu_divided_by_mig_there_is_a_reason(library, watcher):
    library.mig = 1
    assert readings(watcher).trace_missing.startswith("the GPU is divided by MIG")


def test_without_the_library_there_is_a_reason(watcher, monkeypatch):
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert readings(watcher).energy_missing == "pynvml is not installed: pip install nvidia-ml-py"


def test_a_case_for_a_gpu_that_is_not_there_reaches_whatever_has_a_better_reason(library, watcher, torch):
    torch.cuda.is_available = lambda: False
    with pytest.raises(Skip, match="no GPU"), watcher.watched(ON_GPU):
        raise Skip("no GPU")
    assert torch.done == [], "waiting for a GPU that is not there would raise"
    assert readings(watcher).trace_missing == "torch sees no CUDA device"


def test_a_torch_that_reports_no_uuid_is_a_reason(library, watcher, torch):
    torch.cuda.get_device_properties = lambda device: SimpleNamespace()
    assert readings(watcher).trace_missing == "torch 2.99 does not report the GPU's UUID, by which NVML finds it"


def test_a_gpu_lost_half_way_leaves_what_was_read_and_the_reasons(library, watcher):
    with watcher.watched(ON_GPU, period_s=60) as watching:
        watching.mark("prepare")
        for name in ("nvmlDeviceGetPowerUsage", "nvmlDeviceGetCurrentClocksEventReasons", "nvmlDeviceGetTotalEnergyConsumption"):
            library.refuse(name, LOST)
        library.refuse("nvmlDeviceGetComputeRunningProcesses", LOST)
        library.nvmlDeviceGetCurrentClocksThrottleReasons = library.nvmlDeviceGetCurrentClocksEventReasons
        assert watching.sampled(lambda: 1.0, LIMITS)[0] == [1.0] * 6
        watching.measure_energy(lambda: pytest.fail("called"))
        found = watching.readings()
    assert found.trace.ended == "GPU is lost"
    assert found.trace.power_w == [100.0]
    assert found.energy_missing == "the energy counter cannot be read: GPU is lost"
    assert found.throttled is None


def test_a_gpu_lost_from_the_start_has_no_trace_and_a_reason(library, watcher):
    with watcher.watched(ON_GPU) as watching:
        library.refuse("nvmlDeviceGetPowerUsage", LOST)
        watching.mark("prepare")
        found = watching.readings()
    assert (found.trace, found.trace_missing) == (None, "GPU is lost")


def test_a_gpu_without_an_energy_counter_has_a_trace_all_the_same(library, watcher):
    library.refuse("nvmlDeviceGetTotalEnergyConsumption")
    found = readings(watcher)
    assert found.energy_missing == "the energy counter cannot be read: Not Supported"
    assert found.trace.absent == {"energy_j": "Not Supported"}
    assert found.trace.sm_clock_mhz


def test_a_counter_that_hardly_steps_gives_no_energy(library, watcher):
    with watcher.watched(ON_GPU):
        pass  # idle power is known
    library.step_s = 10.0
    missing = readings(watcher).energy_missing
    assert "must step at least 3 times" in missing
    library.step_s = 0.005
    assert readings(watcher).energy_missing == missing, "each try would cost its seconds"


def test_idle_power_is_read_once_and_before_the_first_case(library, watcher):
    counter, read_at_s = library.nvmlDeviceGetTotalEnergyConsumption, []

    def noted(handle):
        read_at_s.append(time.perf_counter())
        return counter(handle)

    library.nvmlDeviceGetTotalEnergyConsumption = noted
    with watcher.watched(ON_GPU):
        assert len(read_at_s) >= 3, "before the operands are made"
        assert read_at_s[-1] - read_at_s[0] >= 0.1
        known = len(read_at_s)
    with watcher.watched(ON_GPU):
        assert len(read_at_s) == known
    first, second = (readings(watcher, case(kernel, device="cuda:0")).energy.idle_w for kernel in ("cusparse", "rows_triton"))
    assert first == second


def test_energy_is_measured_once_a_session_whatever_the_clock(library, watcher):
    assert readings(watcher).energy
    for clock in ("cuda_hot", "cuda_cold"):
        found = readings(watcher, case("rows_triton", device="cuda:0", clock=clock))
        assert (found.energy, found.energy_missing) == (
            None,
            "measured once a session for all clocks and rounds (under cuda_hot)",
        )
    assert readings(watcher, case("cusparse", device="cuda:0", clock="cuda_cold")).energy


def test_a_training_is_not_repeated_for_its_energy(library, watcher):
    found = readings(watcher, case(model="GCN", device="cuda:0"))
    assert "its trace has the counter" in found.energy_missing
    assert found.trace.energy_j


def test_a_case_that_fails_leaves_no_thread_behind(library, watcher):
    before = threading.active_count()
    with contextlib.suppress(NVMLError), watcher.watched(ON_GPU) as watching:
        watching.mark("prepare")
        assert threading.active_count() == before + 1
        raise NVMLError(LOST)
    assert threading.active_count() == before


def test_two_processes_know_nothing_of_each_other(library, torch):
    first, second = (Watcher(torch, EnergyPass(seconds=0.1, fewest_steps=3, settle_s=0.0)) for _ in range(2))
    assert readings(first).energy
    assert readings(second).energy, "the same case, which has its energy in the other"
