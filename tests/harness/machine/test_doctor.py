import json

import pytest

from rsc_bench.harness.machine import doctor
from rsc_bench.harness.machine.findings import Finding


@pytest.fixture
def psutil():
    return pytest.importorskip("psutil", reason="psutil is not installed: pip install psutil")


def test_every_finding_has_a_state_and_what_is_not_fine_has_a_remedy(psutil):
    findings = doctor.examine()
    named = {
        "machine",
        "memory",
        "allocator",
        "huge pages",
        "cores",
        "worker cores",
        "governor",
        "load",
        "timing noise",
        "GPU",
        "python",
        "installation",
        "packages",
        "results",
    }
    assert named <= {finding.name for finding in findings}
    assert all(finding.summary for finding in findings)
    assert all(finding.remedy for finding in findings if finding.state != "ok")
    assert doctor.exit_status(findings) == 0
    assert json.loads(json.dumps(doctor.as_tree(findings)))["findings"][0]["name"] == "machine"


def test_the_text_has_the_remedy_under_what_it_is_for():
    text = doctor.as_text([Finding("a", "ok", "fine"), Finding("long", "hint", "slow", "hurry")])
    assert text == "ok       a     fine\nhint     long  slow\n               -> hurry"


def test_an_absent_required_package_is_all_there_is_to_report_and_fails():
    findings = doctor.examine(present=lambda name: name != "psutil")
    assert [finding.name for finding in findings if finding.state == "missing"] == ["packages"]
    assert [finding.name for finding in findings] == ["python", "installation", "packages"]
    assert doctor.exit_status(findings) == 1


def test_a_results_folder_that_cannot_be_is_missing(tmp_path):
    (tmp_path / "file").touch()
    assert doctor.results_folder(tmp_path / "file").state == "missing"
    assert doctor.results_folder(tmp_path / "new" / "deep").state == "ok"
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]
