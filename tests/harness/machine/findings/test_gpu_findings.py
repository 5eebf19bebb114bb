import os
import sys

import pytest

from rsc_bench.harness.machine.findings import gpus
from rsc_bench.harness.machine.nvml import Process


def test_another_process_on_the_gpu_is_a_hint_that_names_it():
    found = gpus.gpu_load([Process(2**22 + 1, 2**30), Process(os.getpid(), None)])
    assert (found.state, found.summary) == (
        "hint",
        "other processes compute on it: a process not seen from here (pid 4194305, 1.0 GiB)",
    )
    assert gpus.gpu_load([]).state == "ok"


def test_processes_that_nvml_does_not_report_are_a_hint():
    found = gpus.gpu_load(None)
    assert (found.state, found.summary) == ("hint", "NVML does not report which processes compute on it")


def test_a_sensor_that_cannot_be_read_is_a_hint_with_the_reason():
    assert gpus.gpu_sensors({}).state == "ok"
    found = gpus.gpu_sensors({"energy": "Not Supported"})
    assert (found.state, found.summary) == ("hint", "cannot be read: energy (Not Supported)")


def test_a_machine_without_a_gpu_has_one_line_about_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "pynvml", None)
    (found,) = gpus.findings()
    assert (found.name, found.state, found.summary) == ("GPU", "hint", "none: pynvml is not installed: pip install nvidia-ml-py")


def test_each_gpu_has_its_load_and_its_sensors():
    entries = [{"name": "Example", "uuid": f"GPU-{number}", "driver": "9", "memory_bytes": 2**30} for number in (1, 2)]
    running = {"GPU-2": [Process(2**22 + 1, None)]}
    found = list(gpus.of_each(entries, running, {"GPU-1": {"power": "Insufficient Permissions"}, "GPU-2": {}}))
    assert [(finding.name, finding.state) for finding in found] == [
        *[("GPU", "ok"), ("GPU load", "hint"), ("GPU sensors", "hint")],
        *[("GPU", "ok"), ("GPU load", "hint"), ("GPU sensors", "ok")],
    ]
    assert found[0].summary == "Example, 1 GiB, driver 9, GPU-1"


def test_what_nvml_reports_of_a_gpu_is_found(monkeypatch):
    pytest.importorskip("pynvml", reason="the fake borrows the library's constants")
    from made_nvml import UUID, FakeNvml

    monkeypatch.setitem(sys.modules, "pynvml", FakeNvml())
    assert [(finding.name, finding.state, finding.summary) for finding in gpus.findings()][:2] == [
        ("GPU", "ok", f"Example GPU, 80 GiB, driver 999.1, GPU-{UUID}"),
        ("GPU load", "ok", "no other process computes on it"),
    ]
