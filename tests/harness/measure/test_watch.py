import contextlib
import sys
import threading
import time
from types import SimpleNamespace

import msgspec
import pytest

pytest.importorskip("pynvml", reason="the fake borrows the library's constants")
pytest.importorskip("torch", reason="the GPU's UUID comes from torch")

import torch
from made_nvml import LOST, NOT_LOADED, UUID, FakeNvml, NVMLError
from made_runs import case

from rsc_bench.harness.measure import watch
from rsc_bench.harness.measure.attempt import attempt
from rsc_bench.harness.measure.clocks import Clock, Opened, Sample
from rsc_bench.harness.measure.gpu import energy
from rsc_bench.harness.measure.memory import device as device_memory
from rsc_bench.harness.measure.sampling import Limits
from rsc_bench.harness.measure.work import Checked, Skip
from rsc_bench.harness.records.run import Record

LIMITS = Limits(time_s=10, fewest=5)
ON_GPU = case("rows_triton", device="cuda:0", clock="cuda_hot")
MEMORY = {"allocated_peak_bytes": 700, "reserved_peak_bytes": 1000}


@pytest.fixture
def library(monkeypatch):
    """A GPU that torch and NVML know by one UUID, and short passes for energy of which few steps are asked."""
    made = FakeNvml()
    monkeypatch.setitem(sys.modules, "pynvml", made)
    monkeypatch.setattr(energy, "PASS_S", 0.15)
    monkeypatch.setattr(energy, "SETTLE_S", 0.0)
    monkeypatch.setattr(energy, "FEWEST_STEPS", 3)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda device: None)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: SimpleNamespace(uuid=UUID))
    monkeypatch.setattr(device_memory.CudaMemory, "peaks", lambda self: MEMORY)
    watch._sensors.cache_clear()
    yield made
    watch._sensors.cache_clear()


def busy():
    time.sleep(0.002)
    return 1


def facts_of(of=ON_GPU):
    """What a measurement of 6 samples and a pass for energy is told."""
    with watch.watched(of, period_s=0.01) as watching:
        watching.mark("prepare")
        watching.mark("sample")
        watching.sampled(lambda: 1.0, LIMITS)
        watching.measure_energy(busy)
        return watching.facts()


def test_a_case_on_a_gpu_has_telemetry_energy_and_flags(library):
    facts = facts_of()
    assert facts["telemetry"].power_w
    assert facts["telemetry"].mark_s.keys() == {"prepare", "sample", "energy", "end"}
    assert facts["energy"].calls > 0
    assert facts["energy"].idle_w == pytest.approx(100, rel=0.5)
    assert facts["throttled"] == []
    assert MEMORY.items() <= facts.items()
    assert {"telemetry_missing", "energy_missing", "gpu_shared_with"} & facts.keys() == set()


class Work:
    """A kernel that takes 2 ms."""

    period, device, select, multiply, tune_s = 1, "cuda:0", None, None, None

    def __call__(self):
        return busy()

    def check(self, result):
        return Checked(rel_error=0.0, check_error=0.0, nnz=4, kept_nnz=4, rows=2, columns=2)

    def result_bytes(self, result):
        return 8

    def synchronise(self):
        pass


def test_the_record_of_a_case_on_a_gpu_holds_all_that_was_read(library, monkeypatch):
    monkeypatch.setattr(device_memory.CudaMemory, "resident", lambda self: 100)
    monkeypatch.setattr(device_memory.CudaMemory, "peak_of", lambda self, call: (call(), 50))
    clock = Clock("still", "Says the same always.", lambda timed: Opened(lambda: Sample(timed.call() * 0.25)), devices=("cuda",))
    record = attempt(ON_GPU, lambda: Work, clock, Limits(warmup_s=0, time_s=10))
    found = record.measurement
    assert record.reason is None
    assert found.telemetry.mark_s.keys() == {"prepare", "sample", "parts", "energy", "check", "end"}
    assert found.energy.calls > 10
    assert (found.throttled, found.times_s) == ([], [0.25] * 6)
    assert (found.peak_bytes, found.workspace_bytes, found.reserved_peak_bytes) == (50, 42, 1000)
    assert msgspec.json.decode(msgspec.json.encode(record), type=Record) == record


def test_a_case_on_a_cpu_is_not_watched_and_asks_nothing(monkeypatch):
    monkeypatch.setattr(watch, "_sensors", lambda device: pytest.fail("asked for a GPU"))
    assert facts_of(case()) == {}
    with watch.watched(case()) as watching:
        assert watching.sampled(lambda: 1.0, LIMITS) == ([1.0] * 6, "precise")


def test_the_case_says_by_whom_else_the_gpu_is_used(library):
    library.running = [*library.running, SimpleNamespace(pid=2**22 + 1, usedGpuMemory=2**30)]
    assert facts_of()["gpu_shared_with"] == ["a process not seen from here (pid 4194305, 1.0 GiB)"]


def test_throttled_samples_are_marked(library):
    library.reasons = 0x40
    assert facts_of()["throttled"][:6] == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("nvmlInit", NOT_LOADED, "NVML does not start (Driver Not Loaded)"),
        ("nvmlDeviceGetHandleByUUID", 4, f"NVML finds no GPU with UUID {UUID} (Insufficient Permissions)"),
    ],
)
def test_without_nvml_there_is_a_reason_and_the_case_is_measured(library, name, value, reason):
    library.refuse(name, value)
    assert facts_of() == MEMORY | {"telemetry_missing": reason, "energy_missing": reason}


def test_on_a_gpu_divided_by_mig_there_is_a_reason(library):
    library.mig = 1
    assert facts_of()["telemetry_missing"].startswith("the GPU is divided by MIG")


def test_without_the_library_there_is_a_reason(library, monkeypatch):
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert facts_of()["energy_missing"] == "pynvml is not installed: pip install nvidia-ml-py"


def test_a_case_for_a_gpu_that_is_not_there_reaches_whatever_says_so_better(library, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda device: pytest.fail("asked for a GPU"))
    with pytest.raises(Skip, match="no GPU"), watch.watched(ON_GPU):
        raise Skip("no GPU")


def test_a_torch_that_tells_no_uuid_is_a_reason(library, monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: SimpleNamespace())
    assert "does not tell the GPU's UUID" in facts_of()["telemetry_missing"]


def test_a_gpu_lost_half_way_leaves_what_was_read_and_the_reasons(library):
    readings = iter([100_000] * 3)
    with watch.watched(ON_GPU, period_s=60) as watching:
        watching.mark("prepare")
        for name in ("nvmlDeviceGetPowerUsage", "nvmlDeviceGetCurrentClocksEventReasons", "nvmlDeviceGetTotalEnergyConsumption"):
            library.refuse(name, LOST)
        library.refuse("nvmlDeviceGetComputeRunningProcesses", LOST)
        library.nvmlDeviceGetCurrentClocksThrottleReasons = library.nvmlDeviceGetCurrentClocksEventReasons
        assert watching.sampled(lambda: 1.0, LIMITS)[0] == [1.0] * 6
        watching.measure_energy(lambda: next(readings))
        facts = watching.facts()
    assert facts["telemetry"].ended == "GPU is lost"
    assert facts["telemetry"].power_w == [100.0]
    assert facts["energy_missing"] == "the energy counter cannot be read: GPU is lost"
    assert "throttled" not in facts


def test_a_gpu_lost_from_the_start_has_no_telemetry_and_a_reason(library):
    with watch.watched(ON_GPU) as watching:
        library.refuse("nvmlDeviceGetPowerUsage", LOST)
        watching.mark("prepare")
        assert watching.facts()["telemetry_missing"] == "GPU is lost"


def test_a_gpu_without_an_energy_counter_has_telemetry_all_the_same(library):
    library.refuse("nvmlDeviceGetTotalEnergyConsumption")
    facts = facts_of()
    assert facts["energy_missing"] == "the energy counter cannot be read: Not Supported"
    assert facts["telemetry"].absent == {"energy_j": "Not Supported"}
    assert facts["telemetry"].sm_clock_mhz


def test_a_counter_that_hardly_steps_gives_no_energy(library):
    assert watch._sensors("cuda:0").idle_w > 0
    library.step_s = 10.0
    missing = facts_of()["energy_missing"]
    assert "must step at least 3 times" in missing
    library.step_s = 0.005
    assert facts_of()["energy_missing"] == missing, "each try would cost its seconds"


def test_idle_power_is_read_once_and_before_the_first_case(library, monkeypatch):
    idled = []
    monkeypatch.setattr(energy, "idle_w", lambda gpu: idled.append(1) or 60.0)
    with watch.watched(ON_GPU):
        assert idled == [1], "before the operands are made"
    assert facts_of()["energy"].idle_w == 60.0
    assert idled == [1]


def test_energy_is_measured_once_a_session_whatever_the_clock(library):
    assert "energy" in facts_of()
    for clock in ("cuda_hot", "cuda_cold"):
        facts = facts_of(case("rows_triton", device="cuda:0", clock=clock))
        assert facts["energy_missing"] == "measured once a session for all clocks and rounds (under cuda_hot)"
    assert "energy" in facts_of(case("cusparse", device="cuda:0", clock="cuda_cold"))


def test_a_training_is_not_repeated_for_its_energy(library):
    facts = facts_of(case(model="GCN", device="cuda:0"))
    assert "its trace has the counter" in facts["energy_missing"]
    assert facts["telemetry"].energy_j


def test_a_case_that_fails_leaves_no_thread_behind(library):
    before = threading.active_count()
    with contextlib.suppress(NVMLError), watch.watched(ON_GPU) as watching:
        watching.mark("prepare")
        assert threading.active_count() == before + 1
        raise NVMLError(LOST)
    assert threading.active_count() == before
