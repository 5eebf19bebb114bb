"""What every sensor promises, on a GPU that answers; what a sensor that promises nothing is refused for; what cannot be read."""

import math
import os
import sys

import pytest

pytest.importorskip("pynvml", reason="the fake borrows the library's constants")

from made_nvml import GIB, LOST, NO_PERMISSION, NOT_LOADED, UUID, FakeNvml

from rsc_bench.harness.machine import nvml
from rsc_bench.harness.machine.nvml import NvmlError
from rsc_bench.harness.machine.sensors import Sensor, sensors, unanswered
from rsc_bench.harness.records.gpu_trace import COLUMNS
from rsc_bench.plugins import load

SENSORS = load("sensor")


@pytest.fixture
def library(monkeypatch):
    made = FakeNvml()
    monkeypatch.setitem(sys.modules, "pynvml", made)
    return made


@pytest.fixture(params=sorted(SENSORS))
def sensor(request):
    return SENSORS[request.param]


def test_no_sensor_is_missing():
    assert SENSORS.missing == {}
    assert {sensor.name for sensor in sensors()} == set(SENSORS)


def test_a_sensor_has_a_name_and_one_sentence(sensor):
    assert sensor.name.strip() == sensor.name != ""
    assert sensor.summary.endswith(".")
    assert "\n" not in sensor.summary


def test_a_sensor_fills_its_columns_with_numbers_or_nothing(sensor, library):
    values = sensor.read(nvml.find(UUID))
    assert tuple(values) == sensor.columns
    assert all(value is None or (type(value) in (int, float) and math.isfinite(value)) for value in values.values())


def test_a_sensor_that_is_refused_has_the_reason(sensor, library):
    gpu = nvml.find(UUID)
    for name in vars(FakeNvml):
        if name.startswith("nvmlDeviceGet"):
            library.refuse(name, NO_PERMISSION)
    library.nvmlDeviceGetCurrentClocksThrottleReasons = library.nvmlDeviceGetCurrentClocksEventReasons
    with pytest.raises(NvmlError, match="Insufficient Permissions"):
        sensor.read(gpu)


def test_a_sensor_of_a_lost_gpu_raises_that_it_is_lost(sensor, library):
    gpu = nvml.find(UUID)
    for name in vars(FakeNvml):
        if name.startswith("nvmlDeviceGet"):
            library.refuse(name, LOST)
    library.nvmlDeviceGetCurrentClocksThrottleReasons = library.nvmlDeviceGetCurrentClocksEventReasons
    with pytest.raises(nvml.GpuLostError, match="GPU is lost"):
        sensor.read(gpu)


def test_all_of_them_fill_every_column_of_a_trace_once(library):
    gpu = nvml.find(UUID)
    read = {name: value for sensor in sensors() for name, value in sensor.read(gpu).items()}
    found = {name: read[name] for name in COLUMNS}
    assert found.pop("energy_j") > 0
    assert found == {
        "power_w": 100.0,
        "sm_clock_mhz": 1980,
        "memory_clock_mhz": 3201,
        "temperature_c": 45,
        "throttle_reasons": 0,
        "used_bytes": 3 * GIB,
        "free_bytes": 77 * GIB,
        "process_bytes": 2 * GIB,
        "gpu_percent": 97,
        "memory_percent": 61,
    }


@pytest.mark.parametrize("columns", [(), ["fan_percent"], "fan_percent", ("fan percent",), ("lambda",), (3,), ("fan", "fan")])
def test_a_sensor_without_columns_of_its_own_is_refused(columns):
    with pytest.raises(ValueError, match=r"^sensor 'fan': "):
        Sensor("fan", columns, lambda gpu: (1,))


@pytest.mark.parametrize("values", [(1,), (1, 2, 3), 1, "12", None])
def test_a_sensor_must_give_a_value_for_each_column(values):
    with pytest.raises(ValueError, match=r"sensor 'fan' must give a tuple with a value for fan_percent, fan_rpm \(got "):
        Sensor("fan", ("fan_percent", "fan_rpm"), lambda gpu: values).read(None)


@pytest.mark.parametrize("value", ["40 %", float("nan"), float("inf"), [40], 40 + 0j])
def test_what_is_no_number_is_refused_for_it_could_not_be_read_back(value):
    with pytest.raises(ValueError, match="sensor 'fan' must give finite numbers or None"):
        Sensor("fan", ("fan_percent",), lambda gpu: (value,)).read(None)


def test_numbers_of_other_libraries_become_pythons_own():
    numpy = pytest.importorskip("numpy", reason="numpy is not installed: pip install numpy")
    found = Sensor("fan", ("a", "b", "c"), lambda gpu: (numpy.float32(1.5), numpy.int64(2), True)).read(None)
    assert found == {"a": 1.5, "b": 2, "c": 1}
    assert [type(value) for value in found.values()] == [float, int, int]


def test_what_is_not_answered_is_listed_with_its_reason(library):
    assert unanswered() == {f"GPU-{UUID}": {}}
    library.refuse("nvmlDeviceGetTotalEnergyConsumption")
    library.running = []  # doctor uses no GPU: it cannot ask for memory of its own there
    assert unanswered() == {f"GPU-{UUID}": {"energy": "Not Supported"}}


def test_a_users_sensor_that_fails_is_listed_with_its_reason(library):
    def ask(gpu):
        raise KeyError("fan")

    asked = [Sensor("fan", ("fan_percent",), ask), Sensor("mine", ("pid",), lambda gpu: (os.getpid(),))]
    assert unanswered(asked) == {f"GPU-{UUID}": {"fan": "KeyError: 'fan'"}}


def test_where_the_driver_does_not_start_nothing_is_listed(library):
    library.refuse("nvmlInit", NOT_LOADED)
    assert unanswered() == {}
