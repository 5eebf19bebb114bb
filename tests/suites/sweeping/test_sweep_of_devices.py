"""What a sweep writes: each case once a round, whatever becomes of its devices."""

from collections import Counter

import pytest
from made_devices import ENVIRONMENT, MadeDevices, Watch, planned, share
from made_runs import case, ok

from rsc_bench.harness.records.file import ResultsError, read
from rsc_bench.harness.records.run import Record
from rsc_bench.suites.sweeping.devices import Answer, Lost
from rsc_bench.suites.sweeping.sweep import Sweep

ROUNDS = 2
GROUPS = {"a": (1, 2), "b": (3, 4), "c": (5, 6)}


def cases(rounds=ROUNDS, row_bytes=0, model=None):
    return [
        planned(case(width=width, model=model, seed=model and 0), group, rounds, row_bytes)
        for group, every in GROUPS.items()
        for width in every
    ]


def one_second(case):
    return ok(case, 1.0)


def run(devices, shared):
    watch = Watch()
    session = Sweep(devices, [shared], watch, now=lambda: 0.0)
    done = session.run(devices.facts())
    return done, watch, session


def counts(shared):
    """How often each width is in each round of the file."""
    [path] = shared.paths.values()
    return {start.index: Counter(record.case.width for record in records) for start, records in read(path).rounds}


ONCE = {index: Counter({width: 1 for every in GROUPS.values() for width in every}) for index in range(1, ROUNDS + 1)}


@pytest.mark.parametrize("names", [("one",), ("one", "two", "three")])
def test_each_case_is_measured_once_a_round(tmp_path, names):
    shared = share(tmp_path, cases(), names)
    done, watch, _ = run(MadeDevices(names, one_second), shared)
    assert done
    assert counts(shared) == ONCE
    assert len(watch.ended) == 12


def test_what_is_compared_is_of_one_device_within_a_round_and_the_records_say_which(tmp_path):
    names = ("one", "two")
    shared = share(tmp_path, cases(), names)
    run(MadeDevices(names, one_second), shared)
    [path] = shared.paths.values()
    for _, records in read(path).rounds:
        of = {record.case.width: record.node for record in records}
        assert all(len({of[width] for width in group}) == 1 for group in GROUPS.values())
        assert set(of.values()) == set(names)
    assert set(read(path).rounds[0][0].nodes) == set(names)


def test_one_device_is_not_named_and_its_file_can_be_carried_on_by_a_plain_run(tmp_path):
    shared = share(tmp_path, cases())
    run(MadeDevices(("one",), one_second), shared)
    [path] = shared.paths.values()
    assert {record.node for record in read(path).records} == {None}
    assert read(path).environment == ENVIRONMENT


@pytest.mark.parametrize("answered", range(12))
def test_the_part_of_a_lost_device_is_measured_whole_by_another_one(tmp_path, answered):
    names = ("one", "two")
    shared = share(tmp_path, cases(), names)
    done, watch, _ = run(MadeDevices(names, one_second, lost_at=[("one", answered)]), shared)
    assert done
    assert counts(shared) == ONCE
    assert len([line for line in watch.lines if line.startswith("lost: ")]) <= 1
    assert len(watch.ended) == 12 + watch.repeated


def test_a_device_that_comes_back_is_asked_again(tmp_path):
    shared = share(tmp_path, cases())
    done, watch, _ = run(MadeDevices(("one",), one_second, lost_at=[("one", 3)], comes_back=True), shared)
    assert done
    assert counts(shared) == ONCE
    assert any(line.startswith("back: ") for line in watch.lines)


def test_without_devices_the_rest_is_left_and_measured_by_the_next_session(tmp_path):
    shared = share(tmp_path, cases())
    done, _, _ = run(MadeDevices(("one",), one_second, lost_at=[("one", 5)]), shared)
    assert not done
    assert sum(sum(each.values()) for each in counts(shared).values()) == 5, "what one device alone measures is written at once"
    again = share(tmp_path, cases())
    done, watch, _ = run(MadeDevices(("one",), one_second), again)
    assert done
    assert counts(again) == ONCE
    assert len(watch.ended) == 7


def test_what_each_device_is_lost_with_is_recorded_as_failed_with_the_case_and_the_rest_is_measured(tmp_path):
    class Fatal(MadeDevices):
        def answers(self):
            for answer in super().answers():
                fatal = isinstance(answer.content, Record) and answer.content.case.width == 4
                yield Answer(answer.device, Lost("gone")) if fatal else answer

    shared = share(tmp_path, cases(rounds=1), ("one", "two"))
    done, _, session = run(Fatal(("one", "two"), one_second, comes_back=True), shared)
    [path] = shared.paths.values()
    failed = {record.case.width: record.reason for record in read(path).records if record.status == "failed"}
    assert done
    assert counts(shared) == {1: ONCE[1]}
    assert failed.keys() == {3, 4}
    assert failed[4] == "the device was lost, 3 times: gone"
    assert "d=4" in failed[3]
    assert session.bad == 2


def test_trainings_are_written_as_they_come_so_that_a_lost_device_takes_none_with_it(tmp_path):
    shared = share(tmp_path, cases(rounds=1, model="GCN"), ("one", "two"))
    done, watch, _ = run(MadeDevices(("one", "two"), one_second, lost_at=[("one", 1)]), shared)
    assert done
    assert counts(shared) == {1: ONCE[1]}
    assert len(watch.ended) == 6, "none is trained twice"


def test_what_machines_can_reach_is_measured_once_a_file_before_its_first_case(tmp_path):
    names = ("one", "two")
    devices = MadeDevices(names, one_second)
    shared = share(tmp_path, cases(row_bytes=128), names)
    run(devices, shared)
    assert devices.reached == [("one", frozenset({128}))]


def test_two_devices_that_are_both_lost_leave_whole_parts_alone(tmp_path):
    names = ("one", "two")
    shared = share(tmp_path, cases(), names)
    done, _, _ = run(MadeDevices(names, one_second, lost_at=[("one", 3), ("two", 2)]), shared)
    assert not done
    assert all(sum(each.values()) % 2 == 0 for each in counts(shared).values())


def test_what_another_session_has_measured_meanwhile_is_not_measured_again(tmp_path):
    late = share(tmp_path, cases())
    run(MadeDevices(("one",), one_second), share(tmp_path, cases()))
    done, watch, _ = run(MadeDevices(("one",), one_second), late)
    assert done
    assert watch.ended == []
    assert counts(late) == ONCE


def test_a_file_of_another_environment_is_refused_before_anything_is_measured(tmp_path):
    run(MadeDevices(("one",), one_second), share(tmp_path, cases()))
    with pytest.raises(ResultsError, match="holds a run of another environment"):
        share(tmp_path, cases(), environment={"cpu": {"model": "another"}})


def test_the_machine_of_a_device_and_not_the_device_is_what_a_part_is_lost_with(tmp_path):
    names = ("a gpu 0", "a gpu 1", "a gpu 2", "b gpu 0")
    shared = share(tmp_path, cases(rounds=1), names, hosts={name: name[0] for name in names})
    lost = [(name, 0) for name in names[:3]]
    done, _, session = run(MadeDevices(names, one_second, lost_at=lost), shared)
    assert done
    assert session.bad == 0
    assert counts(shared) == {1: ONCE[1]}


def test_what_machines_can_reach_is_asked_of_another_device_where_the_first_is_lost_with_it(tmp_path):
    class LostFirst(MadeDevices):
        def answers(self):
            for answer in super().answers():
                yield Answer(answer.device, Lost("gone")) if answer.device == "one" else answer

    names = ("one", "two")
    devices = LostFirst(names, one_second)
    shared = share(tmp_path, cases(row_bytes=128), names)
    done, _, _ = run(devices, shared)
    assert done
    assert [device for device, _ in devices.reached] == ["one", "two"]
