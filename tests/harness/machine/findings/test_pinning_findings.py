import pytest

from rsc_bench.harness.machine.findings import pinning

APART = {core: (core,) for core in range(8)}
PAIRS = {core: (core % 4, core % 4 + 4) for core in range(8)}


@pytest.mark.parametrize("quota", [None, 8.0, 16.0])
def test_whole_cores_are_fine(quota):
    found = pinning.of(range(8), APART, quota, can_pin=True)
    assert (found.state, found.remedy) == ("ok", None)
    assert found.summary.endswith("of their own: 8 physical cores")


def test_a_system_that_lets_no_process_choose_its_cores_is_a_hint():
    found = pinning.of(range(8), {}, None, can_pin=False)
    assert (found.state, "does not let a process choose" in found.summary) == ("hint", True)
    assert "one worker at a time" in found.remedy


def test_time_that_is_shared_by_all_workers_is_a_hint():
    found = pinning.of(range(8), APART, 2.5, can_pin=True)
    assert (found.state, found.summary.startswith("the time of 2.5 cores is shared")) == ("hint", True)
    assert "--cpuset-cpus" in found.remedy


def test_threads_of_one_core_are_a_hint_that_names_two_of_them():
    found = pinning.of(range(8), PAIRS, None, can_pin=True)
    assert (found.state, "8 logical cores are threads of 4 physical cores" in found.summary) == ("hint", True)
    assert "cores 0, 4 here" in found.remedy
    assert "at most 4 workers" in found.remedy


def test_threads_of_somebody_else_on_the_same_core_are_a_hint():
    found = pinning.of((0, 1, 2, 3), PAIRS, None, can_pin=True)
    assert (found.state, found.summary.startswith("cores 4, 5, 6, 7 may not be used here")) == ("hint", True)
    assert "whole physical cores" in found.remedy


def test_all_that_is_wrong_is_said_in_one_finding():
    found = pinning.of((0, 4, 1), PAIRS, 1.0, can_pin=True)
    assert found.summary.count("; ") == found.remedy.count("; ") == 2
    for said in ("time of 1 cores", "3 logical cores are threads of 2 physical cores", "core 5 may not be used"):
        assert said in found.summary


def test_this_machine_has_a_finding():
    assert pinning.pinning(None).name == "worker cores"
