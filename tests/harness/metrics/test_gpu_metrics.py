import pytest
from made_runs import measurement

from rsc_bench.harness.records.gpu_trace import Energy, GpuTrace
from rsc_bench.plugins import load

METRICS = load("metric")

# Prepared for a second, sampled for two and then kept busy for another two.
TRACE = GpuTrace(
    period_s=1.0,
    offset_s=[0.5, 1.5, 2.5, 3.5, 4.5, 6.0],
    mark_s={"prepare": 0.0, "sample": 1.0, "parts": 3.0, "energy": 3.25, "end": 5.25},
    power_w=[90.0, 100.0, 120.0, 300.0, 310.0, 200.0],
    sm_clock_mhz=[345, 1980, 1900, 1800, None, 500],
    temperature_c=[40, 41, 42, None, 50, 49],
    used_bytes=[1_000_000, 2_000_000, 3_000_000, 3_000_000, 2_000_000, 1_000_000],
)
# From 0.5 s to 2.5 s the counter rises by 500 J: 250 W, of which 50 W are idle power.
ENERGY = Energy(step_s=[0.5, 1.5, 2.5], counter_j=[100.0, 350.0, 600.0], calls=1000, pass_s=3.0, idle_w=50.0)
WATCHED = measurement(1.0, 1.0, 4.0, 1.0, telemetry=TRACE, energy=ENERGY, throttled=[2], nnz=2000)
SUMMED = {
    "power": 305.0,  # in the pass for energy
    "energy": 600.0,  # (250 - 50) W * 3 s / 1000 calls
    "energy per edge": 300_000.0,  # 0.6 J / 2000
    "SM clock": 1900.0,  # of 1980, 1900, 1800
    "temperature": 50.0,
    "throttled": 25.0,
    "GPU memory": 3.0,
}


@pytest.mark.parametrize(("name", "expected"), SUMMED.items())
def test_the_value_of_a_case_on_a_gpu(name, expected):
    assert METRICS[name].compute(WATCHED, None) == pytest.approx(expected)


@pytest.mark.parametrize("name", SUMMED)
def test_what_was_not_read_is_absent(name):
    assert METRICS[name].compute(measurement(1.0, telemetry_missing="NVML finds no GPU", energy_missing="the same"), None) is None
    nothing = GpuTrace(period_s=1.0, offset_s=[0.5], mark_s={"sample": 0.0}, absent={"power_w": "Not Supported"})
    assert METRICS[name].compute(measurement(1.0, telemetry=nothing), None) is None


def test_power_is_that_of_sampling_where_energy_has_no_pass():
    sampled = GpuTrace(period_s=1.0, offset_s=[0.5, 1.5], mark_s={"sample": 1.0, "end": 2.0}, power_w=[90.0, 100.0])
    assert METRICS["power"].compute(measurement(1.0, telemetry=sampled), None) == 100.0


def test_work_that_takes_no_more_than_idling_has_no_energy():
    lost = Energy(step_s=[0.0, 1.0], counter_j=[0.0, 50.0], calls=10, pass_s=1.0, idle_w=50.0)
    assert METRICS["energy"].compute(measurement(1.0, energy=lost), None) is None


def test_energy_per_edge_of_a_matrix_without_entries_is_absent():
    assert METRICS["energy per edge"].compute(measurement(1.0, energy=ENERGY, nnz=0, kept_nnz=0), None) is None


def test_a_case_that_was_never_throttled_is_distinguished_from_one_of_which_that_is_not_known():
    assert METRICS["throttled"].compute(measurement(1.0, throttled=[]), None) == 0.0
    assert METRICS["throttled"].compute(measurement(1.0), None) is None
