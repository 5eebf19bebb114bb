"""``sweep --simulate``: how long a study would take on so many devices, without measuring anything."""

import re

import pytest

STUDY = """
rounds = 3
[products]
suite = ["exact"]
graph = ["small:random", "small:hub"]
width = [8, 16]
kernel = ["mkl", "rows_numba"]
device = "cpu"
"""


@pytest.fixture
def study(tmp_path):
    path = tmp_path / "study.toml"
    path.write_text(STUDY)
    return path


def test_it_says_how_long_more_and_more_devices_would_take(call, study, tmp_path):
    status, out, _ = call("sweep", study, "--results", tmp_path / "found", "--simulate", 8)
    lines = [line for line in out.splitlines() if line.startswith("simulated: ")]
    assert status == 0
    assert [re.match(r"simulated: (\d+) devices?:", line)[1] for line in lines[1:-1]] == ["1", "2", "4", "8"]
    assert "with failures" in lines[1]
    assert "nothing is measured" in lines[0]
    assert "the longest part" in lines[-1]


def test_it_writes_no_results(call, study, tmp_path):
    call("sweep", study, "--results", tmp_path / "found", "--simulate", 2)
    assert list((tmp_path / "found").glob("*.jsonl")) == []


@pytest.mark.parametrize("count", ["0", "-1", "10001"])
def test_a_number_of_devices_that_none_can_have_is_refused_in_one_line(call, study, count):
    status, _, error = call("sweep", study, "--simulate", count)
    assert (status, error.count("\n")) == (2, 1)
    assert count in error


@pytest.mark.parametrize("other", [("--ray", "local"), ("--submit", "slurm")])
def test_it_goes_without_what_measures_elsewhere(call, study, other):
    status, _, error = call("sweep", study, "--simulate", "2", *other)
    assert (status, error.count("\n")) == (2, 1)
    assert "--simulate must go without" in error
