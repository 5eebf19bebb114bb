import os
import sys

import pytest

pytest.importorskip("pynvml", reason="the fake borrows the library's constants")

import pynvml
from made_nvml import GIB, LOST, NO_PERMISSION, NOT_LOADED, UUID, FakeNvml

from rsc_bench.harness.machine import nvml
from rsc_bench.harness.machine.nvml import GpuLostError, NvmlError, Process


@pytest.fixture
def library(monkeypatch):
    made = FakeNvml()
    monkeypatch.setitem(sys.modules, "pynvml", made)
    return made


def test_a_gpu_comes_with_its_driver_and_memory(library):
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


def test_a_gpu_is_found_by_the_uuid_that_cuda_gives(library):
    gpu = nvml.find(UUID)
    assert (gpu.uuid, gpu.is_slice, gpu.ask("PowerUsage")) == (f"GPU-{UUID}", False, 100_000)


def test_a_uuid_that_nvml_does_not_know_is_a_reason(library):
    with pytest.raises(NvmlError, match=r"NVML finds no GPU with UUID abc \(Not Found\)"):
        nvml.find("abc")


def test_a_mig_slice_is_found_and_is_named_as_one_where_it_does_not_answer(library):
    library.uuid = f"MIG-{UUID}"
    library.refuse("nvmlDeviceGetPowerUsage")
    gpu = nvml.find(UUID)
    assert gpu.is_slice
    with pytest.raises(NvmlError, match=r"Not Supported \(of a MIG slice\)"):
        gpu.ask("PowerUsage")
    assert gpu.ask("MemoryInfo").total == 80 * GIB


def test_a_gpu_divided_into_slices_is_refused_for_it_reports_all_of_them(library):
    library.mig = 1
    with pytest.raises(NvmlError, match="divided by MIG"):
        nvml.find(UUID)


def test_a_gpu_that_knows_no_slices_is_whole(library):
    library.refuse("nvmlDeviceGetMigMode")
    assert nvml.find(UUID).uuid == f"GPU-{UUID}"


def test_a_lost_gpu_is_distinguished_from_one_that_refuses(library):
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
