"""What every clock promises, and what a clock that promises nothing is refused for."""

import re

import pytest

from rsc_bench.harness.measure.clocks import Clock, Opened, Sample, Timed
from rsc_bench.harness.measure.timing import DEVICE_KINDS, Stopwatch
from rsc_bench.plugins import load

CLOCKS = load("clock")


@pytest.fixture(params=sorted(CLOCKS))
def clock(request):
    return CLOCKS[request.param]


def test_a_clock_has_a_name_and_one_sentence(clock):
    assert isinstance(clock, Clock)
    assert re.fullmatch(r"\w+", clock.name)
    assert clock.summary.endswith(".")
    assert "\n" not in clock.summary


def test_a_clock_can_be_used_or_has_a_reason_of_one_line(clock):
    reason = clock.missing()
    assert reason is None or (reason and "\n" not in reason)


def test_a_clock_that_can_be_used_here_takes_samples_of_calls(clock):
    if clock.missing() is not None or "cpu" not in clock.devices:
        pytest.skip(clock.missing() or "times GPUs: see test_clocks_on_gpu.py")
    made = []
    stopwatch = Stopwatch(clock, Timed(lambda: made.append(1), 4, lambda: None, "cpu"))
    assert all(stopwatch() > 0 for _ in range(3))
    assert len(made) == 3 * 4


@pytest.mark.parametrize("kind", DEVICE_KINDS)
def test_every_kind_of_device_has_a_clock_that_is_used_where_none_is_named(kind):
    usual = [clock for clock in CLOCKS.values() if kind in clock.default]
    assert usual
    assert all(kind in clock.devices for clock in usual)


def made(**given):
    return Clock("mine", "Mine.", lambda timed: Opened(lambda: Sample(1.0)), **given)


@pytest.mark.parametrize(
    ("given", "rule"),
    [
        ({"devices": ("gpu",)}, r"clock 'mine': devices must be among cpu, cuda \(got 'gpu'\)"),
        ({"devices": ("cpu", "cuda:0")}, r"clock 'mine': devices must be among cpu, cuda \(got 'cuda:0'\)"),
        ({"devices": "cuda"}, r"clock 'mine': devices must be a tuple of texts \(got 'cuda'\): write \('cuda',\)"),
        ({"devices": ()}, r"clock 'mine': devices must name what it can time: cpu, cuda \(got none\)"),
        ({"devices": ("cpu",), "default": ("gpu",)}, r"clock 'mine': default must be among cpu, cuda \(got 'gpu'\)"),
        ({"devices": ("cpu",), "default": ("cuda",)}, r"clock 'mine': default must be among its devices, cpu \(got 'cuda'\)"),
    ],
)
def test_a_clock_that_would_never_be_used_is_refused(given, rule):
    with pytest.raises(ValueError, match=f"^{rule}$"):
        made(**given)


def test_a_clock_of_known_devices_is_made():
    assert made(devices=("cpu", "cuda"), default=("cuda",)).missing() is None
