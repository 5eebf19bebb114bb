import re

import pytest

from rsc_bench.harness.measure.clocks import Clock, Timed, host
from rsc_bench.plugins import load

CLOCKS = load("clock")


@pytest.mark.parametrize("name", sorted(CLOCKS))
def test_a_clock_says_what_is_on_it(name):
    clock = CLOCKS[name]
    assert isinstance(clock, Clock)
    assert re.fullmatch(r"\w+", clock.name)
    assert clock.summary.endswith(".")
    assert clock.missing() is None or "\n" not in clock.missing()


def test_the_host_clock_waits_for_the_device_before_and_after(monkeypatch):
    happened = []
    monkeypatch.setattr(host, "perf_counter_ns", lambda: happened.append("read") or 1_500_000_000 * happened.count("read"))
    timed = Timed(lambda: happened.append("call"), 3, lambda: happened.append("wait"), "cpu")
    sample = CLOCKS["host"].open(timed).take()
    assert happened == ["wait", "read", "call", "call", "call", "wait", "read"]
    assert sample.seconds == pytest.approx(1.5)
    assert (sample.launch_s, sample.exposed_calls) == (None, None), "every launch is on this clock"


@pytest.mark.parametrize("kind", ["cpu", "cuda"])
def test_every_kind_of_device_has_a_clock_that_is_used_where_none_is_named(kind):
    usual = [clock for clock in CLOCKS.values() if kind in clock.default]
    assert usual
    assert all(kind in clock.devices for clock in usual)
