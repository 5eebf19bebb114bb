import sys
from types import SimpleNamespace

import pytest

from harness import gpu


class NVMLError(Exception):
    pass


def refuse(*_):
    raise NVMLError("Not Supported")


@pytest.fixture
def library(monkeypatch):
    """An NVML that knows one GPU."""
    made = SimpleNamespace(
        NVMLError=NVMLError,
        nvmlInit=lambda: None,
        nvmlShutdown=lambda: None,
        nvmlDeviceGetCount=lambda: 1,
        nvmlDeviceGetHandleByIndex=lambda index: index,
        nvmlDeviceGetName=lambda handle: "Example GPU",
        nvmlDeviceGetUUID=lambda handle: "GPU-1",
        nvmlSystemGetDriverVersion=lambda: "999.1",
        nvmlDeviceGetMemoryInfo=lambda handle: SimpleNamespace(total=2**30),
        nvmlDeviceGetComputeRunningProcesses=lambda handle: [SimpleNamespace(pid=7), SimpleNamespace(pid=5)],
    )
    monkeypatch.setitem(sys.modules, "pynvml", made)
    return made


def test_a_gpu_is_told_with_its_driver_and_memory(library):
    assert gpu.gpus() == ([{"name": "Example GPU", "uuid": "GPU-1", "driver": "999.1", "memory_bytes": 2**30}], None)
    assert gpu.processes() == [5, 7]


def test_what_a_gpu_does_not_answer_is_absent(library):
    library.nvmlDeviceGetMemoryInfo = library.nvmlDeviceGetComputeRunningProcesses = refuse
    assert gpu.gpus()[0][0]["memory_bytes"] is None
    assert gpu.processes() == []


def test_a_driver_that_does_not_start_is_a_reason(library):
    library.nvmlInit = refuse
    assert gpu.gpus() == ([], "NVML does not start (Not Supported)")
    assert gpu.processes() == []


def test_no_gpu_is_a_reason(library):
    library.nvmlDeviceGetCount = lambda: 0
    assert gpu.gpus() == ([], "NVML finds no GPU")


def test_an_absent_library_is_a_reason_with_its_remedy(monkeypatch):
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert gpu.gpus() == ([], "pynvml is not installed: pip install nvidia-ml-py")
