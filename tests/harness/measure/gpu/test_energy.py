import sys
import time

import pytest

pytest.importorskip("pynvml", reason="the fake borrows the library's constants")

from made_nvml import LOST, NO_PERMISSION, UUID, FakeNvml, NVMLError

from rsc_bench.harness.machine import nvml
from rsc_bench.harness.measure.gpu.energy import USUAL, EnergyError, EnergyPass, bursts, idle_w, observe
from rsc_bench.harness.records.gpu_trace import Energy

PASS = EnergyPass(seconds=0.4, settle_s=0.0)


@pytest.fixture
def library(monkeypatch):
    made = FakeNvml()
    monkeypatch.setitem(sys.modules, "pynvml", made)
    return made


def observed(work, idle_power_w=0.0):
    return observe(nvml.find(UUID), work, idle_power_w, PASS)


def work():
    time.sleep(0.01)
    return 2


def test_a_pass_is_as_long_as_it_must_be_and_counts_its_calls(library):
    made = []
    found = observed(lambda: made.append(work()) or made[-1], idle_power_w=60.0)
    assert found.pass_s >= 0.4
    assert found.calls == sum(made) > 2
    assert found.idle_w == 60.0


def test_the_steps_of_the_counter_are_kept_with_their_times(library):
    found = observed(work, idle_power_w=60.0)
    assert len(found.step_s) == len(found.counter_j) >= USUAL.fewest_steps
    assert found.step_s == sorted(found.step_s)
    assert found.counter_j == sorted(set(found.counter_j)), "each is a step"
    mean_w = (found.counter_j[-1] - found.counter_j[0]) / (found.step_s[-1] - found.step_s[0])
    assert mean_w == pytest.approx(100, rel=0.4)  # what the fake takes


def test_idle_power_is_read_from_the_same_counter(library):
    assert idle_w(nvml.find(UUID), PASS) == pytest.approx(100, rel=0.4)


def test_a_counter_that_steps_too_seldom_is_no_measurement(library):
    library.step_s = 0.3
    with pytest.raises(EnergyError, match=r"must step at least 10 times in a pass \(it did \d times in 0"):
        observed(work)


@pytest.mark.parametrize(("value", "words"), [(3, "Not Supported"), (NO_PERMISSION, "Insufficient Permissions"), (LOST, "lost")])
def test_a_counter_that_cannot_be_read_is_a_reason_and_no_call_is_made(library, value, words):
    library.refuse("nvmlDeviceGetTotalEnergyConsumption", value)
    gpu = nvml.find(UUID)
    with pytest.raises(EnergyError, match=f"the energy counter cannot be read: .*{words}"):
        observe(gpu, lambda: pytest.fail("called"), idle_power_w=0.0, plan=PASS)
    with pytest.raises(EnergyError, match="cannot be read"):
        idle_w(gpu, PASS)


def test_a_gpu_lost_half_way_is_a_reason(library):
    readings = iter(range(5))

    def counter(handle):
        for reading in readings:
            return 1000 * reading
        raise NVMLError(LOST)

    library.nvmlDeviceGetTotalEnergyConsumption = counter
    with pytest.raises(EnergyError, match="lost half-way: GPU is lost"):
        observed(work)


def test_a_counter_that_begins_anew_is_a_reason(library):
    readings = iter(range(10**6))
    library.nvmlDeviceGetTotalEnergyConsumption = lambda handle: 1000 * (next(readings) % 12)
    with pytest.raises(EnergyError, match="the energy counter went back"):
        observed(work)


def test_an_error_of_the_work_is_the_callers(library):
    with pytest.raises(ZeroDivisionError):
        observed(lambda: 1 / 0)


class Clock:
    """A clock that only work moves on."""

    now_s = 0.0

    def __call__(self):
        return self.now_s

    def work(self, seconds):
        self.now_s += seconds


def test_calls_are_made_in_bursts_that_grow_to_fifty_milliseconds():
    done, clock = [], Clock()
    burst = bursts(lambda: clock.work(2**-9), 10, lambda: done.append("waited"), clock)
    counts = [burst() for _ in range(7)]
    assert counts == [10, 20, 40, 80, 160, 250, 250]  # periods of ten calls; 25 of 1/512 s are 49 ms
    assert done == ["waited"] * 7


def test_long_calls_are_waited_for_one_by_one():
    clock = Clock()
    burst = bursts(lambda: clock.work(0.06), 1, lambda: None, clock)
    assert [burst(), burst()] == [1, 1]


@pytest.mark.parametrize("wrong", [{"step_s": [1.0], "counter_j": [1.0]}, {"calls": 0}, {"pass_s": 0.0}])
def test_an_energy_of_nothing_cannot_be_made(wrong):
    given = {"step_s": [0.1, 0.2], "counter_j": [1.0, 2.0], "calls": 1, "pass_s": 1.0, "idle_w": 1.0}
    Energy(**given)
    with pytest.raises(ValueError, match="an energy needs"):
        Energy(**(given | wrong))
