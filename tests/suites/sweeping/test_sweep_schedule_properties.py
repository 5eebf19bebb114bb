"""Whatever the order of takes, finishes and losses, every part of a sweep counts once, or is given up."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

pytest.importorskip("hypothesis", reason="hypothesis is not installed: pip install hypothesis")

from hypothesis import given
from hypothesis import strategies as st

from rsc_bench.suites.sweeping.schedule import MOST_LOSSES, Part, Schedule

NAMES = [f"device {index}" for index in range(4)]
PARTS = st.lists(
    st.builds(
        Part,
        index=st.just(0),
        estimate_s=st.floats(0.0, 100.0),
        round=st.integers(1, 3),
        stage=st.integers(0, 1),
        home=st.sampled_from("xyz"),
        group=st.sampled_from("pqrst"),
        paired=st.booleans(),
    ),
    max_size=12,
).map(lambda parts: [replace(each, index=index) for index, each in enumerate(parts)])
STEPS = st.lists(
    st.tuples(st.sampled_from(["go on", "go on", "lose"]), st.sampled_from(NAMES), st.floats(0.0, 500.0)), max_size=120
)


class Devices:
    """Devices that do as they are told, and note what is allowed of it."""

    def __init__(self, parts: list[Part]) -> None:
        self.schedule = Schedule(parts)
        self.parts = {each.index: each for each in parts}
        self.at: dict[str, Part] = {}
        self.begun: list[Part] = []
        self.counted: Counter[int] = Counter()
        self.losses: Counter[int] = Counter()
        self.given_up: list[int] = []
        self.now = 0.0

    def goes_on(self, device: str) -> None:
        if device not in self.at:
            self.takes(device)
        elif not self.schedule.is_wanted(device):
            assert self.counted[self.at.pop(device).index] == 1
            self.schedule.drop(device)
        else:
            index = self.at.pop(device).index
            self.counted[index] += self.schedule.finish(device, self.now)

    def takes(self, device: str) -> None:
        found = self.schedule.take(device, self.now)
        if found is None:
            return
        assert self.counted[found.index] == 0
        assert found.index not in self.given_up
        twice = [each for each in self.at.values() if each.index == found.index]
        assert len(twice) <= 1
        assert found.paired or not twice
        again = sum(each.index == found.index for each in self.begun) - len(twice)
        assert again <= self.losses[found.index], "begun again, and neither lost nor overdue"
        self.at[device] = found
        self.begun.append(found)

    def loses(self, device: str) -> None:
        at = self.at.pop(device, None)
        wanted = at is not None and self.counted[at.index] == 0
        given_up = self.schedule.lose(device)
        if wanted:
            self.losses[at.index] += 1
        if given_up is not None:
            assert given_up is at
            assert self.losses[at.index] >= MOST_LOSSES
            self.given_up.append(at.index)


def simulated(parts: list[Part], steps: list[tuple[str, str, float]]) -> Devices:
    """Do the steps, and then all that is left."""
    devices = Devices(parts)
    for what, device, seconds in steps:
        devices.now += seconds
        (devices.loses if what == "lose" else devices.goes_on)(device)
    for _ in range(2 * len(parts) + 2):
        devices.now += 1.0
        for device in NAMES:
            devices.goes_on(device)
    return devices


@given(PARTS, STEPS)
def test_every_part_counts_once_or_is_given_up_whatever_happens(parts, steps):
    devices = simulated(parts, steps)
    assert devices.schedule.done
    assert devices.schedule.left_s == 0.0
    for each in parts:
        assert devices.counted[each.index] + devices.given_up.count(each.index) == 1
        assert (devices.losses[each.index] >= MOST_LOSSES) >= (each.index in devices.given_up)


@given(PARTS, STEPS)
def test_stages_begin_in_their_order_and_their_first_round_before_all_others_whatever_happens(parts, steps):
    devices = simulated(parts, steps)
    opening = {stage: min(each.round for each in parts if each.stage == stage) for stage in {each.stage for each in parts}}
    first = list({each.index: (each.stage, each.round > opening[each.stage]) for each in devices.begun}.values())
    assert first == sorted(first)


@given(PARTS, STEPS)
def test_rounds_of_parts_of_one_length_begin_in_their_order_whatever_happens(parts, steps):
    devices = simulated([replace(each, estimate_s=10.0) for each in parts], steps)
    first = list({each.index: (each.stage, each.round) for each in devices.begun}.values())
    assert first == sorted(first)


@given(PARTS, STEPS)
def test_a_part_is_begun_again_only_where_it_was_lost_or_is_overdue(parts, steps):
    devices = simulated(parts, steps)
    begun = Counter(each.index for each in devices.begun)
    for each in parts:
        overdue_too = 1 + devices.losses[each.index] if each.paired else 0
        assert begun[each.index] <= 1 + devices.losses[each.index] + overdue_too


@given(PARTS, STEPS)
def test_what_is_left_is_the_sum_of_what_is_not_finished(parts, steps):
    devices = Devices(parts)
    for what, device, seconds in steps:
        devices.now += seconds
        (devices.loses if what == "lose" else devices.goes_on)(device)
        gone = {index for index, times in devices.counted.items() if times} | set(devices.given_up)
        left = sum(each.estimate_s for each in parts if each.index not in gone)
        assert (devices.schedule.left_s > 0) <= (left > 0)
        if not devices.counted.total():  # nothing is known yet of how long an estimated second is
            assert devices.schedule.left_s == pytest.approx(left)
