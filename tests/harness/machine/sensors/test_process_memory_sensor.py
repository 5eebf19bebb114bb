import os
import sys
from types import SimpleNamespace

import pytest

pytest.importorskip("pynvml", reason="the fake borrows the library's constants")

from made_nvml import UUID, FakeNvml

from rsc_bench.harness.machine import nvml
from rsc_bench.harness.machine.nvml import NvmlError, Process
from rsc_bench.harness.machine.sensors.memory import others
from rsc_bench.plugins import find


@pytest.fixture
def library(monkeypatch):
    made = FakeNvml()
    monkeypatch.setitem(sys.modules, "pynvml", made)
    return made


def test_the_others_are_all_but_this_process():
    own, other = Process(os.getpid(), 1), Process(1, 2)
    assert others([own, other]) == [other]
    assert others([own]) == []
    assert others([]) == []


def test_in_a_container_a_lone_process_of_another_number_is_this_one_and_of_several_all_are_named():
    foreign = [Process(2**22 + number, number) for number in (1, 2)]
    assert others(foreign[:1]) == []
    assert others(foreign) == foreign


def test_the_memory_of_this_process_is_absent_where_it_cannot_be_distinguished(library):
    sensor = find("sensor", "process memory")
    assert sensor.of_this_process
    library.running = [SimpleNamespace(pid=2**22 + number, usedGpuMemory=number) for number in (1, 2)]
    with pytest.raises(NvmlError, match="which of 2 processes on the GPU is this one"):
        sensor.read(nvml.find(UUID))
    library.running = [SimpleNamespace(pid=os.getpid(), usedGpuMemory=None)]
    with pytest.raises(NvmlError, match="how much it uses, is not known"):
        sensor.read(nvml.find(UUID))
