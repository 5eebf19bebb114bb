import pytest

from rsc_bench.harness.measure.clocks import Timed, host


def test_the_host_clock_waits_for_the_device_before_and_after():
    happened = []

    def now_ns():
        happened.append("read")
        return 1_500_000_000 * happened.count("read")

    timed = Timed(lambda: happened.append("call"), 3, lambda: happened.append("wait"), "cpu")
    sample = host.take(timed, now_ns)
    assert happened == ["wait", "read", "call", "call", "call", "wait", "read"]
    assert sample.seconds == pytest.approx(1.5)
    assert (sample.launch_s, sample.exposed_calls) == (None, None), "every launch is on this clock"


def test_the_host_clock_takes_the_wall_time_of_all_its_calls_together():
    made = []
    opened = host.CLOCK.open(Timed(lambda: made.append(1), 3, lambda: None, "cpu"))
    assert opened.take().seconds > 0
    assert len(made) == 3
    assert opened.flush_probe_s is None
