import re

import pytest

from harness.clocks import Clock, host
from harness.plugins import load

CLOCKS = load("harness.clocks", "CLOCK")


@pytest.mark.parametrize("name", sorted(CLOCKS))
def test_a_clock_says_what_is_on_it(name):
    clock = CLOCKS[name]
    assert isinstance(clock, Clock)
    assert re.fullmatch(r"\w+", clock.name)
    assert clock.says.endswith(".")
    assert clock.missing() is None or "\n" not in clock.missing()


def test_the_host_clock_waits_for_the_device_before_and_after(monkeypatch):
    happened = []
    monkeypatch.setattr(host, "perf_counter_ns", lambda: happened.append("read") or 1_500_000_000 * happened.count("read"))
    seconds = CLOCKS["host"].sample(lambda: happened.append("call"), 3, lambda: happened.append("wait"))
    assert happened == ["wait", "read", "call", "call", "call", "wait", "read"]
    assert seconds == pytest.approx(1.5)
