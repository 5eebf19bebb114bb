import os
import sys
from types import SimpleNamespace

import pytest

pytest.importorskip("pynvml", reason="the fake borrows the library's constants")

import pynvml
from made_nvml import GIB, LOST, NO_PERMISSION, NOT_LOADED, UUID, FakeNvml

from rsc_bench.harness.machine import nvml, sensors
from rsc_bench.harness.machine.nvml import GpuLostError, NvmlError, Process


@pytest.fixture
def library(monkeypatch):
    made = FakeNvml()
    monkeypatch.setitem(sys.modules, "pynvml", made)
    return made


def test_a_gpu_is_told_with_its_driver_and_memory(library):
    expected = {"name": "Example GPU", "uuid": f"GPU-{UUID}", "driver": "999.1", "memory_bytes": 80 * GIB}
    assert nvml.gpus() == ([expected], None)
    assert (library.started, library.ended) == (1, 1)


def test_what_a_gpu_does_not_answer_is_absent(library):
    library.refuse("nvmlDeviceGetMemoryInfo")
    library.refuse("nvmlDeviceGetComputeRunningProcesses", NO_PERMISSION)
    assert nvml.gpus()[0][0]["memory_bytes"] is None
    assert nvml.processes() == {}


def test_a_driver_that_does_not_start_is_a_reason(library):
    library.refuse("nvmlInit", NOT_LOADED)
    assert nvml.gpus() == ([], "NVML does not start (Driver Not Loaded)")
    assert nvml.processes() == {}
    assert sensors.unanswered() == {}


def test_a_gpu_that_is_lost_while_it_is_listed_is_a_reason(library):
    library.refuse("nvmlDeviceGetHandleByIndex", LOST)
    assert nvml.gpus() == ([], "GPU is lost")


def test_no_gpu_is_a_reason(library):
    library.nvmlDeviceGetCount = lambda: 0
    assert nvml.gpus() == ([], "NVML finds no GPU")


def test_an_absent_library_is_a_reason_with_its_remedy(monkeypatch):
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert nvml.gpus() == ([], "pynvml is not installed: pip install nvidia-ml-py")
    with pytest.raises(NvmlError, match="pynvml is not installed"):
        nvml.find(UUID)


def test_the_processes_of_each_gpu_have_their_names_and_memory(library):
    (found,) = nvml.processes()[f"GPU-{UUID}"]
    assert found == Process(os.getpid(), 2 * GIB)
    assert str(found).endswith(f"(pid {os.getpid()}, 2.0 GiB)")
    assert str(Process(2**22 + 1, None)) == "a process not seen from here (pid 4194305)"  # above the largest pid there is, proc(5)


def test_a_gpu_is_found_by_the_uuid_that_cuda_tells(library):
    gpu = nvml.find(UUID)
    assert (gpu.uuid, gpu.is_slice, gpu.ask("PowerUsage")) == (f"GPU-{UUID}", False, 100_000)


def test_a_uuid_that_nvml_does_not_know_is_a_reason(library):
    with pytest.raises(NvmlError, match=r"NVML finds no GPU with UUID abc \(Not Found\)"):
        nvml.find("abc")


def test_a_mig_slice_is_found_and_says_that_it_is_one_where_it_does_not_answer(library):
    library.uuid = f"MIG-{UUID}"
    library.refuse("nvmlDeviceGetPowerUsage")
    gpu = nvml.find(UUID)
    assert gpu.is_slice
    with pytest.raises(NvmlError, match=r"Not Supported \(of a MIG slice\)"):
        gpu.ask("PowerUsage")
    assert gpu.ask("MemoryInfo").total == 80 * GIB


def test_a_gpu_divided_into_slices_is_refused_for_it_tells_of_all_of_them(library):
    library.mig = 1
    with pytest.raises(NvmlError, match="divided by MIG"):
        nvml.find(UUID)


def test_a_gpu_that_knows_no_slices_is_whole(library):
    library.refuse("nvmlDeviceGetMigMode")
    assert nvml.find(UUID).uuid == f"GPU-{UUID}"


def test_a_lost_gpu_is_told_from_one_that_refuses(library):
    gpu = nvml.find(UUID)
    library.refuse("nvmlDeviceGetPowerUsage", NO_PERMISSION)
    with pytest.raises(NvmlError, match="Insufficient Permissions") as refused:
        gpu.ask("PowerUsage")
    assert not isinstance(refused.value, GpuLostError)
    library.refuse("nvmlDeviceGetPowerUsage", LOST)
    with pytest.raises(GpuLostError, match="GPU is lost"):
        gpu.ask("PowerUsage")


def test_a_library_without_a_question_is_a_reason_with_its_remedy(library):
    with pytest.raises(NvmlError, match="too old to ask for NewThing: pip install nvidia-ml-py"):
        nvml.find(UUID).ask("NewThing")


def test_a_driver_older_than_the_library_is_a_reason(library):
    def mismatch(handle):
        raise pynvml.NVMLLibraryMismatchError("Unversioned function called")

    library.nvmlDeviceGetComputeRunningProcesses = mismatch
    with pytest.raises(NvmlError, match="the driver is too old for this pynvml to ask for ComputeRunningProcesses"):
        nvml.find(UUID).processes()
    assert nvml.processes() == {}


def test_every_question_fills_its_columns(library):
    gpu = nvml.find(UUID)
    found = {name: value for question in sensors.QUESTIONS for name, value in zip(question.columns, question.ask(gpu), strict=True)}
    assert found.pop("energy_j") > 0
    assert found == {
        "power_w": 100.0,
        "sm_clock_mhz": 1980,
        "memory_clock_mhz": 3201,
        "temperature_c": 45,
        "throttle_reasons": 0,
        "used_bytes": 3 * GIB,
        "free_bytes": 77 * GIB,
        "process_bytes": 2 * GIB,
        "gpu_percent": 97,
        "memory_percent": 61,
    }


def test_older_libraries_tell_throttle_reasons_by_their_old_name(library):
    library.refuse("nvmlDeviceGetCurrentClocksEventReasons")
    library.nvmlDeviceGetCurrentClocksThrottleReasons = lambda handle: 0x4
    assert sensors.throttle_reasons(nvml.find(UUID)) == 0x4


def test_what_is_not_answered_is_listed_with_its_reason(library):
    assert sensors.unanswered() == {f"GPU-{UUID}": {}}
    library.refuse("nvmlDeviceGetTotalEnergyConsumption")
    library.running = []  # doctor uses no GPU: its own memory there is no question
    assert sensors.unanswered() == {f"GPU-{UUID}": {"energy": "Not Supported"}}


def test_the_others_are_all_but_this_process():
    own, other = Process(os.getpid(), 1), Process(1, 2)
    assert sensors.others([own, other]) == [other]
    assert sensors.others([own]) == []
    assert sensors.others([]) == []


def test_in_a_container_a_lone_process_of_another_number_is_this_one_and_of_several_all_are_named():
    foreign = [Process(2**22 + number, number) for number in (1, 2)]
    assert sensors.others(foreign[:1]) == []
    assert sensors.others(foreign) == foreign


def test_the_memory_of_this_process_is_absent_where_it_cannot_be_told_apart(library):
    question = next(question for question in sensors.QUESTIONS if question.of_this_process)
    library.running = [SimpleNamespace(pid=2**22 + number, usedGpuMemory=number) for number in (1, 2)]
    with pytest.raises(NvmlError, match="which of 2 processes on the GPU is this one"):
        question.ask(nvml.find(UUID))
    library.running = [SimpleNamespace(pid=os.getpid(), usedGpuMemory=None)]
    with pytest.raises(NvmlError, match="what it holds, is not told"):
        question.ask(nvml.find(UUID))
