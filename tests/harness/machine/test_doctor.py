import json
import os

import pytest

from rsc_bench.harness.machine import doctor
from rsc_bench.harness.machine.nvml import Process


@pytest.fixture
def psutil():
    return pytest.importorskip("psutil", reason="psutil is not installed: pip install psutil")


def test_every_finding_has_a_state_and_what_is_not_fine_has_a_remedy(psutil):
    findings = doctor.examine()
    assert {"machine", "memory", "cores", "governor", "load", "timing noise", "GPU", "python", "packages", "results"} <= {
        finding.name for finding in findings
    }
    assert all(finding.summary for finding in findings)
    assert all(finding.remedy for finding in findings if finding.state != "ok")
    assert doctor.exit_status(findings) == 0
    assert json.loads(json.dumps(doctor.as_tree(findings)))["findings"][0]["name"] == "machine"


def test_the_text_has_the_remedy_under_what_it_is_for():
    text = doctor.as_text([doctor.Finding("a", "ok", "fine"), doctor.Finding("long", "hint", "slow", "hurry")])
    assert text == "ok       a     fine\nhint     long  slow\n               -> hurry"


def test_an_absent_optional_package_is_a_hint_that_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(doctor, "_present", lambda name: name != "torch_sparse")
    (required, absent) = doctor.packages()
    assert required.state == "ok"
    assert (absent.name, absent.state) == ("torch_sparse", "hint")
    assert "tox run -e baselines" in absent.remedy


def test_an_absent_required_package_is_all_there_is_to_say_and_fails(monkeypatch):
    monkeypatch.setattr(doctor, "_present", lambda name: name != "psutil")
    findings = doctor.examine()
    assert [finding.name for finding in findings if finding.state == "missing"] == ["packages"]
    assert [finding.name for finding in findings] == ["python", "packages"]
    assert doctor.exit_status(findings) == 1


def test_an_old_python_fails(monkeypatch):
    monkeypatch.setattr(doctor, "MIN_PYTHON", (99, 0))
    assert doctor.python().state == "missing"


@pytest.mark.parametrize(
    ("logical", "usable", "quota", "state"), [(8, 8, None, "ok"), (8, 2, None, "hint"), (8, 8, 1.5, "hint"), (8, 8, 8.0, "ok")]
)
def test_cores_that_may_not_be_used_are_a_hint(logical, usable, quota, state):
    assert doctor.cores(logical, usable, quota).state == state


@pytest.mark.parametrize(("name", "state"), [("performance", "ok"), ("powersave", "hint"), (None, "ok")])
def test_a_governor_that_follows_the_load_is_a_hint(name, state):
    assert doctor.governor(name).state == state


def test_little_free_memory_is_a_hint():
    assert doctor.memory(16 * 2**30, 8 * 2**30).state == "ok"
    assert doctor.memory(16 * 2**30, 2**30).state == "hint"


@pytest.mark.parametrize(("slow_s", "state"), [(1.05, "ok"), (1.5, "hint")])
def test_work_that_varies_is_a_hint(monkeypatch, slow_s, state):
    monkeypatch.setattr(doctor, "_repeat", lambda seconds: [1.0] * 10 + [slow_s] * 10)
    assert doctor.noise().state == state


def test_the_spread_is_that_of_the_ninth_decile_over_the_fastest():
    assert doctor.spread_percent([1.0] * 4 + [2.0] * 16) == pytest.approx(100)
    assert doctor.spread_percent([1.0] * 20) == 0


def test_a_busy_machine_is_a_hint(monkeypatch, psutil):
    for busy, state in ((3.0, "ok"), (60.0, "hint")):
        monkeypatch.setattr(psutil, "cpu_percent", lambda interval, busy=busy: busy)
        assert doctor.load_by_others().state == state


def test_another_process_on_the_gpu_is_a_hint_that_names_it():
    found = doctor.gpu_load([Process(2**22 + 1, 2**30), Process(os.getpid(), None)])
    assert (found.state, found.summary) == (
        "hint",
        "other processes compute on it: a process not seen from here (pid 4194305, 1.0 GiB)",
    )
    assert doctor.gpu_load([]).state == "ok"
    assert "does not tell" in doctor.gpu_load(None).summary


def test_what_a_gpu_does_not_tell_is_a_hint_with_the_reason():
    assert doctor.gpu_sensors({}).state == "ok"
    found = doctor.gpu_sensors({"energy": "Not Supported"})
    assert (found.state, found.summary) == ("hint", "not told: energy (Not Supported)")


def test_a_machine_without_a_gpu_has_one_line_about_it(monkeypatch):
    monkeypatch.setattr(doctor.nvml, "gpus", lambda: ([], "NVML finds no GPU"))
    (found,) = doctor._gpus()
    assert (found.name, found.summary) == ("GPU", "none: NVML finds no GPU")


def test_each_gpu_is_told_with_its_load_and_its_sensors(monkeypatch):
    entries = [{"name": "Example", "uuid": f"GPU-{number}", "driver": "9", "memory_bytes": 2**30} for number in (1, 2)]
    monkeypatch.setattr(doctor.nvml, "gpus", lambda: (entries, None))
    monkeypatch.setattr(doctor.nvml, "processes", lambda: {"GPU-2": [Process(2**22 + 1, None)]})
    monkeypatch.setattr(doctor.sensors, "unanswered", lambda: {"GPU-1": {"power": "Insufficient Permissions"}, "GPU-2": {}})
    found = [(finding.name, finding.state) for finding in doctor._gpus()]
    assert found == [
        *[("GPU", "ok"), ("GPU load", "hint"), ("GPU sensors", "hint")],
        *[("GPU", "ok"), ("GPU load", "hint"), ("GPU sensors", "ok")],
    ]


def test_a_results_folder_that_cannot_be_is_missing(tmp_path):
    (tmp_path / "file").touch()
    assert doctor.results_folder(tmp_path / "file").state == "missing"
    assert doctor.results_folder(tmp_path / "new" / "deep").state == "ok"
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]
