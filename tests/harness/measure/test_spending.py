"""Where the seconds of a case go: each once, into the part that was opened last."""

import pytest
from made_work import Opaque

from rsc_bench.harness.measure import spending
from rsc_bench.harness.measure.spending import REST, AccountedProbe, AccountedWork, Spending
from rsc_bench.harness.measure.work import Unprobed
from rsc_bench.harness.records.measurement import KERNEL


class Clock:
    now = 0.0

    def __call__(self):
        return self.now

    def passes(self, seconds):
        self.now += seconds


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def account(clock, monkeypatch):
    """The account of this process, by a clock of ours."""
    found = Spending(clock)
    monkeypatch.setattr(spending, "SPENDING", found)
    return found


def test_each_second_counts_once_for_the_part_that_was_opened_last(clock, account):
    clock.passes(1)
    with account.on("check"):
        clock.passes(2)
        with account.on("reference"):
            clock.passes(4)
        clock.passes(8)
    clock.passes(16)
    assert account.spent() == {REST: 17, "check": 10, "reference": 4}


def test_a_part_that_fails_is_closed(clock, account):
    def fails():
        with account.on("check"):
            clock.passes(1)
            raise ValueError("sorry")

    with pytest.raises(ValueError, match="sorry"):
        fails()
    clock.passes(2)
    assert account.spent() == {"check": 1, REST: 2}


def test_a_case_begins_with_nothing(clock, account):
    clock.passes(1)
    account.begin()
    clock.passes(2)
    assert account.spent() == {REST: 2}


def test_what_a_clock_has_measured_within_a_part_is_moved(clock, account):
    with account.on("probe"):
        clock.passes(10)
        account.move(7, KERNEL)
    assert account.spent() == {REST: 0, "probe": 3, KERNEL: 7}


def test_a_clock_of_another_device_may_say_more_than_has_passed_here(clock, account):
    with account.on("probe"):
        clock.passes(1)
        account.move(3, KERNEL)
    assert account.spent()["probe"] == 0


class Slow(Opaque):
    """Calls take a second, waiting for them another one, checks four."""

    device = "cpu"

    def __init__(self, clock):
        self.clock = clock

    def __call__(self):
        self.clock.passes(1)
        return "result"

    def synchronise(self):
        self.clock.passes(1)

    def check(self, result):
        self.clock.passes(4)
        return result


def test_calls_of_work_are_the_kernels_with_waiting_and_its_checks_are_not(clock, account):
    work = AccountedWork(Slow(clock))
    assert work.check(work()) == "result"
    assert work.device == "cpu"
    assert account.spent() == {REST: 0, KERNEL: 2, "check": 4}


def test_what_a_clock_times_is_the_work_itself(clock, account):
    slow = Slow(clock)
    work = AccountedWork(slow)
    assert work.probe(work) == Unprobed(slow), "an account would be on the clock"
    assert work.probe(other := lambda: None) == Unprobed(other)


def test_calls_off_the_clock_are_the_kernels_too(clock, account):
    slow = Slow(clock)
    assert AccountedProbe(Unprobed(slow), slow.synchronise)() == "result"
    assert account.calls(slow)() == "result"
    assert account.spent() == {REST: 0, KERNEL: 3}
