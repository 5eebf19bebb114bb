"""Who measures what next: whatever the order of takes, finishes and losses, every part counts once, or is given up."""

from __future__ import annotations

from time import process_time

import pytest

from rsc_bench.suites.sweeping.schedule import MOST_LOSSES, OVERDUE, OVERDUE_KNOWN, Part, Schedule


def part(index: int, estimate_s: float = 10.0, **given_: object) -> Part:
    return Part(**{"index": index, "round": 1, "group": f"group {index}", "estimate_s": estimate_s, **given_})


def taken(schedule: Schedule, *devices: str, now: float = 0.0) -> list[int | None]:
    """The parts that devices get that ask one after the other."""
    found = [schedule.take(device, now) for device in devices]
    return [None if each is None else each.index for each in found]


def names(count: int) -> list[str]:
    return [f"device {index}" for index in range(count)]


def test_a_lower_round_begins_before_the_next_and_a_stage_before_all_rounds_of_the_next():
    parts = [part(0, stage=1), part(1, round=2), part(2, round=1), part(3, stage=1, round=2), part(4, round=3)]
    assert taken(Schedule(parts), *names(5)) == [2, 1, 4, 0, 3]


def test_the_next_round_begins_while_others_are_at_the_one_before():
    schedule = Schedule([part(0), part(1, round=2)])
    assert taken(schedule, "slow", "quick") == [0, 1]


def test_the_longest_part_comes_first():
    schedule = Schedule([part(0, 5.0), part(1, 20.0), part(2, 10.0)])
    assert taken(schedule, "a", "b", "c", "d") == [1, 2, 0, None]


def test_a_device_keeps_the_graph_that_it_has_at_hand():
    long = [part(index, 10.0, home="large") for index in range(20)]
    short = [part(20 + index, 9.0, home="small") for index in range(20)]
    schedule = Schedule([*long, *short])
    assert taken(schedule, "a", "b") == [0, 20]
    for device in ("a", "b", "a", "b"):
        schedule.finish(device, 10.0)
        assert schedule.take(device, 10.0).home == {"a": "large", "b": "small"}[device]


def test_a_device_without_work_of_its_graph_gets_the_one_that_fewest_devices_have():
    homes = ("x", "x", "x", "y", "y", "z")
    schedule = Schedule([part(index, 10.0, home=home) for index, home in enumerate(homes)])
    assert [schedule.take(device, 0.0).home for device in ("a", "b", "c", "d")] == ["x", "y", "z", "x"]


def test_in_the_next_round_a_device_keeps_its_graph_too():
    parts = [part(2 * turn + place, home=home, round=turn + 1) for turn in range(3) for place, home in enumerate(("x", "y"))]
    schedule = Schedule(parts)
    homes = {device: schedule.take(device, 0.0).home for device in ("a", "b")}
    for now in (10.0, 20.0):
        for device in ("b", "a"):
            schedule.finish(device, now)
            assert schedule.take(device, now).home == homes[device]


def test_at_the_end_a_long_part_of_another_graph_goes_before_what_a_device_has_at_hand():
    schedule = Schedule(
        [part(0, 6.0, home="mine"), *[part(index, 1.0, home="mine") for index in (1, 2)], part(3, 5.0, home="other")]
    )
    assert taken(schedule, "a") == [0]
    schedule.finish("a", 6.0)
    assert taken(schedule, "a", now=6.0) == [3]


def test_a_long_part_of_a_later_round_does_not_wait_until_all_others_wait_for_it():
    parts = [part(0, 100.0), part(1, 10.0), part(2, 100.0, round=2), part(3, 10.0, round=2), part(4, 100.0, round=3)]
    schedule = Schedule(parts)
    assert taken(schedule, *names(5)) == [0, 1, 2, 4, 3]


def test_while_much_is_left_a_long_part_of_a_later_round_waits_for_its_round():
    short = [part(index, 10.0, round=1 + index % 2) for index in range(100)]
    schedule = Schedule([*short, part(100, 50.0, round=3)])
    assert 100 not in taken(schedule, "a", "b")
    for turn in range(60):
        schedule.finish("a", 10.0 * turn)
        assert schedule.take("a", 10.0 * turn).round <= 2


def test_a_long_part_of_a_later_stage_waits_for_its_stage():
    schedule = Schedule([part(0, 1.0), part(1, 1.0, round=2), part(2, 1000.0, stage=1)])
    assert taken(schedule, *names(3)) == [0, 1, 2]


def test_a_lost_part_is_measured_by_the_next_device_that_is_free():
    schedule = Schedule([part(0, 20.0), part(1, 5.0), part(2, 4.0)])
    assert taken(schedule, "a", "b") == [0, 1]
    assert schedule.lose("a") is None
    schedule.finish("b", 5.0)
    assert taken(schedule, "b", now=5.0) == [0]


def test_a_device_does_not_take_at_once_what_it_was_lost_with():
    schedule = Schedule([part(0, 20.0), part(1, 5.0)])
    taken(schedule, "broken")
    schedule.lose("broken")
    assert taken(schedule, "broken", "sound") == [1, 0]


def test_a_device_takes_what_it_was_lost_with_where_nothing_else_waits():
    schedule = Schedule([part(0)])
    taken(schedule, "only")
    schedule.lose("only")
    assert taken(schedule, "only") == [0]


def test_a_part_that_devices_are_lost_with_again_and_again_is_given_up():
    schedule = Schedule([part(0)])
    for turn in range(MOST_LOSSES):
        assert not schedule.done
        taken(schedule, f"device {turn}")
        given_up = schedule.lose(f"device {turn}")
    assert given_up == part(0)
    assert schedule.done
    assert schedule.left_s == 0.0
    assert taken(schedule, "another") == [None]


def test_a_loss_counts_too_while_another_device_is_at_the_part():
    schedule = Schedule([part(0, 10.0)])
    taken(schedule, "a")
    assert taken(schedule, "b", now=1000.0) == [0]
    assert [schedule.lose("a"), *taken(schedule, "c", now=1000.0)] == [None, None]
    assert schedule.lose("b") is None
    taken(schedule, "c", now=1000.0)
    assert schedule.lose("c") == part(0)


def test_a_device_that_is_lost_while_idle_takes_nothing_with_it():
    schedule = Schedule([part(0)])
    assert taken(schedule, "a", "idle") == [0, None]
    assert schedule.lose("idle") is None
    assert schedule.finish("a", 10.0)
    assert schedule.done


def overdue(**given_: object) -> Schedule:
    """A schedule whose estimates are right, and where ``slow`` has been at its only part since 100 s."""
    schedule = Schedule([part(0, 100.0), part(1, 100.0, round=2, **given_)])
    taken(schedule, "quick")
    schedule.finish("quick", 100.0)
    taken(schedule, "slow", now=100.0)
    return schedule


def test_an_idle_device_begins_a_part_that_is_overdue():
    schedule = overdue()
    assert taken(schedule, "idle", now=100.0 + 99.0 * OVERDUE) == [None]
    assert taken(schedule, "idle", "idle too", now=100.0 + 101.0 * OVERDUE) == [1, None]


def test_a_part_whose_group_was_measured_before_is_overdue_sooner():
    schedule = overdue(group="group 0")
    assert taken(schedule, "idle", now=100.0 + 99.0 * OVERDUE_KNOWN) == [None]
    assert taken(schedule, "idle", now=100.0 + 101.0 * OVERDUE_KNOWN) == [1]


def test_of_two_devices_at_one_part_the_first_to_end_counts():
    schedule = overdue()
    taken(schedule, "idle", now=1000.0)
    assert schedule.is_wanted("slow")
    assert schedule.finish("idle", 1100.0)
    assert schedule.done
    assert not schedule.is_wanted("slow")
    assert not schedule.finish("slow", 1200.0)


def test_what_another_device_has_finished_is_not_begun_a_third_time():
    schedule = overdue()
    taken(schedule, "idle", now=1000.0)
    schedule.finish("idle", 1100.0)
    assert taken(schedule, "idle", now=5000.0) == [None]


def test_a_device_may_drop_what_another_one_has_finished():
    schedule = overdue()
    taken(schedule, "idle", now=1000.0)
    schedule.finish("idle", 1100.0)
    schedule.drop("slow")
    assert taken(schedule, "slow", now=1100.0) == [None]


def test_a_part_whose_records_are_written_one_by_one_is_never_begun_twice():
    assert taken(overdue(paired=False), "idle", now=1e9) == [None]


def test_a_part_that_a_slow_device_once_took_is_expected_as_quick_as_it_was_at_best():
    parts = [part(index, 100.0, round=index + 1, group="one") for index in range(3)]
    schedule = Schedule(parts)
    for begin, end in ((0.0, 100.0), (100.0, 1100.0)):
        taken(schedule, "a", now=begin)
        schedule.finish("a", end)
    taken(schedule, "a", now=1100.0)
    assert taken(schedule, "idle", now=1100.0 + 101.0 * OVERDUE_KNOWN) == [2]


def test_what_is_left_is_in_seconds_of_these_devices():
    schedule = Schedule([part(0, 10.0), part(1, 30.0)])
    assert schedule.left_s == 40.0
    taken(schedule, "a")
    assert schedule.left_s == 40.0  # of what is being measured nothing is done yet
    schedule.finish("a", 60.0)  # twice as long as the estimate
    assert schedule.left_s == 20.0


def test_a_schedule_of_nothing_is_done():
    schedule = Schedule(())
    assert schedule.done
    assert schedule.left_s == 0.0
    assert schedule.take("a", 0.0) is None


@pytest.mark.parametrize("homes", [10, 100_000])
def test_a_thousand_devices_share_a_hundred_thousand_parts_at_little_cost(homes):
    count, devices = 100_000, names(1000)
    schedule = Schedule(part(index, 1.0 + index % 97, home=str(index % homes), round=1 + index % 5) for index in range(count))
    waiting, calls, now, begin = list(devices), 0, 0.0, process_time()
    while not schedule.done:
        working, now = [], now + 1.0
        for device in waiting:
            calls += 1
            if schedule.take(device, now) is not None:
                working.append(device)
        for device in working:
            schedule.finish(device, now)
            assert schedule.left_s >= 0.0
    assert (process_time() - begin) / calls <= 1e-4, "seconds for each part: taken, finished, and what is left asked for"


def test_devices_that_are_idle_ask_at_little_cost_while_others_end():
    devices = names(1000)
    schedule = Schedule(part(index, 1000.0) for index in range(500))
    working = devices[:500]
    taken(schedule, *working)
    calls, begin = 0, process_time()
    for now, device in enumerate(working):
        schedule.finish(device, float(now))
        for idle in devices[500:]:
            calls += 1
            schedule.take(idle, float(now))
    assert (process_time() - begin) / calls <= 1e-4
