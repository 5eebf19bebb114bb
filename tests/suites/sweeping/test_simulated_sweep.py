"""The real sweep on simulated devices: how near many are to many times as fast, and that no record is lost or doubled."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from rsc_bench.harness.records.file import read
from rsc_bench.suites.sweeping.machines.nature import Nature
from rsc_bench.suites.sweeping.machines.shared_disk import SharedDisk
from rsc_bench.suites.sweeping.machines.simulation import WORD, Outcome, alike, simulate
from rsc_bench.suites.sweeping.planning import Plan
from rsc_bench.suites.sweeping.writing import named

ROUGH = Nature(
    devices=1000,
    lost_every_s=1500.0,
    stragglers=0.05,
    graph_bytes=2e9,
    start_s=20.0,
    back_s=60.0,
)
"""Failures by the hundred, where a real cluster has a few."""


def counts(folder: Path) -> Counter[tuple[object, int]]:
    """How often each case stands in each round of the results files."""
    runs = [read(path) for path in folder.glob("*.jsonl")]
    return Counter((named(record.case), start.index) for run in runs for start, records in run.rounds for record in records)


def once(plan: Plan) -> Counter[tuple[object, int]]:
    return Counter((each.case, index) for each in plan.cases for index in range(1, each.rounds + 1))


@pytest.fixture(scope="module")
def rough(tmp_path_factory: pytest.TempPathFactory) -> tuple[Outcome, Plan, Path]:
    """A sweep of four parts a device, on 1,000 devices that fail."""
    plan, folder = alike(800, 3, rounds=5, case_s=30.0, graphs=40), tmp_path_factory.mktemp("rough")
    return simulate([plan], ROUGH, folder), plan, folder


def test_four_devices_take_at_most_28_percent_of_the_time_of_one(tmp_path):
    plan = alike(200, 1)
    one, four = (simulate([plan], Nature(devices=count, start_s=5.0), tmp_path / str(count)) for count in (1, 4))
    assert one.done
    assert four.done
    assert four.took_s <= 0.28 * one.took_s


def test_the_driver_computes_for_at_most_5_percent_of_a_case_of_two_seconds(tmp_path):
    found = simulate([alike(200, 1)], Nature(devices=4), tmp_path)
    assert 0.0 < found.driver_s <= 0.05 * 2.0


def test_the_driver_keeps_up_with_a_thousand_devices_and_cases_of_two_seconds(tmp_path):
    found = simulate([alike(1000, 5)], Nature(devices=1000, start_s=0.0), tmp_path)
    assert 0.0 < found.driver_s <= 2.0 / 1000


def test_a_thousand_devices_that_fail_measure_every_case_once_a_round(rough):
    found, plan, folder = rough
    assert found.done
    assert found.account.losses > 100
    assert counts(folder) == once(plan)
    assert found.cases == once(plan).total()


def test_what_devices_were_lost_with_too_often_is_said_to_have_failed(rough):
    found, plan, folder = rough
    records = read(folder / "simulated.jsonl").records
    failed = [record for record in records if record.status == "failed"]
    assert len(failed) == found.bad < 0.01 * once(plan).total()
    assert all("lost" in record.reason for record in failed)


def test_a_sweep_whose_devices_all_are_lost_is_carried_on_by_others(tmp_path):
    plan = alike(20, 5, rounds=2)
    dying = Nature(devices=4, lost_every_s=30.0, comes_back=0.0, start_s=0.0)
    first = simulate([plan], dying, tmp_path)
    assert not first.done
    assert 0 < first.cases < once(plan).total()
    second = simulate([plan], Nature(devices=4), tmp_path)
    assert second.done
    assert counts(tmp_path) == once(plan)


def test_a_case_that_every_device_is_lost_with_ends_in_a_record_that_says_so(tmp_path):
    plan = alike(1, 1, case_s=1e6)
    found = simulate([plan], Nature(devices=2, lost_every_s=10.0, comes_back=1.0), tmp_path)
    assert found.done
    assert found.bad == 1
    (record,) = read(tmp_path / "simulated.jsonl").records
    assert record.status == "failed"
    assert "lost" in record.reason


def test_a_straggler_does_not_hold_the_end(tmp_path):
    plan = alike(64, 6, rounds=2)
    smooth = Nature(devices=16, driver_s=0.0)
    quick, slow = (
        simulate([plan], each, tmp_path / str(each.stragglers)) for each in (smooth, replace(smooth, stragglers=0.1, slowed=20.0))
    )
    assert quick.took_s < slow.took_s < 1.5 * quick.took_s


def test_a_simulation_is_the_same_each_time_where_the_drivers_time_is_given(tmp_path):
    nature = Nature(devices=8, driver_s=0.001, lost_every_s=60.0, stragglers=0.2, graph_bytes=1e9)
    first, second = (simulate([alike(30, 4)], nature, tmp_path / name) for name in ("a", "b"))
    assert first.took_s == second.took_s
    assert first.account.losses == second.account.losses > 0


def test_answers_wait_for_a_driver_that_is_slower_than_the_devices(tmp_path):
    found = simulate([alike(100, 10)], Nature(devices=100, driver_s=0.1, start_s=0.0), tmp_path)
    assert found.took_s == pytest.approx(1000 * 0.1, rel=0.05)


def test_devices_that_come_back_hold_no_others(tmp_path):
    nature = Nature(devices=50, driver_s=0.0, lost_every_s=500.0, comes_back=1.0, back_s=0.0)
    smooth, lossy = (
        simulate([alike(200, 5)], each, tmp_path / str(each.comes_back))
        for each in (Nature(devices=50, comes_back=0.0, driver_s=0.0), nature)
    )
    assert lossy.account.losses > 0
    assert lossy.took_s < 1.6 * smooth.took_s


def test_machines_wait_longer_for_graphs_the_more_of_them_read(tmp_path):
    nature = Nature(per_node=1, start_s=0.0, graph_bytes=1e9, disk_bytes_per_s=1e9, driver_s=0.0)
    few, many = (simulate([alike(count, 1)], replace(nature, devices=count), tmp_path / str(count)) for count in (2, 20))
    assert few.account.waited_s / 2 == pytest.approx(2.0)
    assert many.account.waited_s / 20 == pytest.approx(20.0)


def test_a_machine_reads_a_graph_once_for_all_of_its_devices(tmp_path):
    nature = Nature(devices=8, per_node=8, start_s=0.0, graph_bytes=1e9, disk_bytes_per_s=1e9, link_bytes_per_s=1e9, driver_s=0.0)
    found = simulate([alike(8, 1, graphs=1)], nature, tmp_path)
    assert found.account.waited_s / 8 == pytest.approx(1.0)


def test_every_line_of_a_simulation_says_that_it_is_one(tmp_path):
    lines: list[str] = []
    simulate([alike(20, 2)], Nature(devices=4, lost_every_s=30.0), tmp_path, say=lines.append)
    assert len(lines) >= 40
    assert [line for line in lines if not line.startswith(WORD)] == []


def test_the_results_file_of_a_simulation_says_that_it_is_one(tmp_path):
    simulate([alike(2, 1)], Nature(devices=2), tmp_path)
    assert read(tmp_path / "simulated.jsonl").environment["simulated"] is True


def test_a_reader_alone_has_the_speed_of_its_link():
    disk = SharedDisk(bytes_per_s=10.0, link_bytes_per_s=2.0)
    disk.read("a", 8.0)
    assert disk.next_end() == 4.0
    assert disk.advance(4.0) == [(4.0, "a")]


def test_readers_share_what_the_disk_gives():
    disk = SharedDisk(bytes_per_s=2.0, link_bytes_per_s=2.0)
    disk.read("a", 4.0)
    assert disk.advance(1.0) == []
    disk.read("b", 4.0)  # two are left of the first, four of the second, each at 1 a second
    assert disk.advance(10.0) == [(3.0, "a"), (4.0, "b")]
