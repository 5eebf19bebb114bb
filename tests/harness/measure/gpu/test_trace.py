import sys
import threading
import time

import pytest

pytest.importorskip("pynvml", reason="the fake borrows the library's constants")

from made_nvml import GIB, LOST, NO_PERMISSION, UUID, FakeNvml
from made_runs import case, ok, written

from rsc_bench.harness.machine import nvml
from rsc_bench.harness.machine.nvml import NvmlError
from rsc_bench.harness.machine.sensors import Sensor, sensors
from rsc_bench.harness.measure.gpu.polling import Poller
from rsc_bench.harness.measure.gpu.trace import TraceRecorder
from rsc_bench.harness.records.file import read
from rsc_bench.harness.records.gpu_trace import COLUMNS, GpuTrace, throttle_words

PERIOD_S = 0.005


@pytest.fixture
def library(monkeypatch):
    made = FakeNvml()
    monkeypatch.setitem(sys.modules, "pynvml", made)
    return made


def traced(parts=("prepare", "sample"), wait_s=0.03, beside=()):
    """A trace of parts that each take some time, of every sensor and of some beside them."""
    recorder = TraceRecorder(nvml.find(UUID), PERIOD_S, chosen=(*sensors(), *beside))
    for part in parts:
        recorder.mark(part)
        time.sleep(wait_s)
    return recorder.end()


def test_a_trace_has_a_column_for_all_that_is_reported_and_a_time_for_each_reading(library):
    found = traced()
    assert found.period_s == PERIOD_S
    assert len(found.offset_s) > 2
    assert found.offset_s == sorted(found.offset_s)
    assert set(found.power_w) == {100.0}
    assert set(found.used_bytes) == {3 * GIB}
    assert all(len(getattr(found, name)) == len(found.offset_s) for name in COLUMNS)
    assert (found.absent, found.ended) == ({}, None)


def test_marks_say_where_each_part_began(library):
    found = traced()
    assert list(found.mark_s) == ["prepare", "sample", "end"]
    assert 0 == found.mark_s["prepare"] < found.mark_s["sample"] < found.mark_s["end"]
    of_parts = [found.since(part, "power_w") for part in ("prepare", "sample")]
    assert all(of_parts)
    assert sum(map(len, of_parts)) < len(found.offset_s), "the last reading is after the end"
    assert found.since("energy", "power_w") == []


def test_reading_begins_with_the_first_part_and_ends_with_the_case(library):
    before = threading.active_count()
    recorder = TraceRecorder(nvml.find(UUID), PERIOD_S)
    assert threading.active_count() == before
    recorder.mark("prepare")
    assert threading.active_count() == before + 1
    found = recorder.end()
    assert threading.active_count() == before
    assert recorder.end() == found, "the end comes once"


def test_a_trace_that_never_began_has_no_readings(library):
    found = TraceRecorder(nvml.find(UUID)).end()
    assert (found.offset_s, found.mark_s, found.power_w) == ([], {}, None)


def test_what_is_not_supported_is_null_with_its_reason_and_the_rest_is_read(library):
    library.refuse("nvmlDeviceGetUtilizationRates")
    library.refuse("nvmlDeviceGetPowerUsage", NO_PERMISSION)
    found = traced()
    assert (found.gpu_percent, found.memory_percent, found.power_w) == (None, None, None)
    refused = dict.fromkeys(("gpu_percent", "memory_percent"), "Not Supported")
    assert found.absent == {"power_w": "Insufficient Permissions"} | refused
    assert set(found.sm_clock_mhz) == {1980}


def test_a_single_refusal_is_a_null_among_the_readings(library):
    recorder = TraceRecorder(nvml.find(UUID), period_s=60)
    library.refuse("nvmlDeviceGetTemperature")
    recorder.mark("prepare")
    del library.nvmlDeviceGetTemperature  # answers again
    found = recorder.end()
    assert found.temperature_c == [None, 45]
    assert found.absent == {"temperature_c": "Not Supported"}


def test_a_gpu_lost_half_way_ends_the_trace_and_keeps_what_was_read(library):
    library.fail_after = 3
    found = traced()
    assert found.ended == "GPU is lost"
    assert found.power_w == [100.0] * 3
    assert all(len(getattr(found, name)) == 3 for name in COLUMNS)


def test_a_gpu_lost_from_the_start_has_no_readings_and_no_thread(library):
    library.refuse("nvmlDeviceGetPowerUsage", LOST)
    before = threading.active_count()
    recorder = TraceRecorder(nvml.find(UUID), PERIOD_S)
    recorder.mark("prepare")
    assert threading.active_count() == before
    found = recorder.end()
    assert (found.offset_s, found.ended) == ([], "GPU is lost")


def test_a_driver_that_hangs_does_not_hang_the_run(library):
    released = threading.Event()
    recorder = TraceRecorder(nvml.find(UUID), PERIOD_S, patience_s=0.05)
    recorder.mark("prepare")
    library.nvmlDeviceGetPowerUsage = lambda handle: released.wait(10) and 0
    time.sleep(0.03)
    found = recorder.end()
    released.set()
    assert found.ended == "NVML did not answer within 0.05 s"
    assert len(found.offset_s) >= 1


FAN = Sensor("fan", ("fan_percent", "fan_rpm"), lambda gpu: (40, None), summary="Speed of the fan in percent.")


def test_a_users_sensor_has_columns_of_its_own_which_are_written_and_read_back(library, tmp_path):
    found = traced(beside=[FAN])
    assert found.other == {"fan_percent": [40] * len(found.offset_s)}, "a column without a value is left out"
    assert found.column("fan_percent") == found.other["fan_percent"]
    assert found.power_w == [100.0] * len(found.offset_s)
    path = written(tmp_path / "run.jsonl", [ok(case(device="cuda:0"), 1.0, telemetry=found)])
    (record,) = read(path).records
    assert record.measurement.gpu.trace == found


def fails(error):
    def ask(gpu):
        raise error

    return ask


@pytest.mark.parametrize(
    ("ask", "reason"),
    [
        (fails(NvmlError("Not Supported")), "Not Supported"),
        (fails(KeyError("fan")), "KeyError: 'fan'"),
        (lambda gpu: (1, 2, 3), "ValueError: sensor 'fan' must give a tuple with a value for fan_percent, fan_rpm (got (1, 2, 3))"),
        (lambda gpu: 40, "ValueError: sensor 'fan' must give a tuple with a value for fan_percent, fan_rpm (got 40)"),
        (lambda gpu: (40, "fast"), "ValueError: sensor 'fan' must give finite numbers or None (got 'fast')"),
        (lambda gpu: (40, float("nan")), "ValueError: sensor 'fan' must give finite numbers or None (got nan)"),
    ],
)
def test_a_sensor_that_fails_costs_only_its_own_columns_and_has_a_reason(library, ask, reason):
    found = traced(beside=[Sensor("fan", ("fan_percent", "fan_rpm"), ask)])
    assert found.other == {}
    assert found.absent == {"fan_percent": reason, "fan_rpm": reason}
    assert all(len(found.column(name)) == len(found.offset_s) > 2 for name in COLUMNS)
    assert found.ended is None


def test_a_poller_stops_when_there_is_no_more_to_read():
    left = [True, True, False]
    poller = Poller(lambda: left.pop(0), period_s=0)
    poller.start()
    time.sleep(0.02)
    assert left == []
    assert poller.stop()


def test_columns_are_as_long_as_the_readings_are_many():
    with pytest.raises(ValueError, match="power_w must have one entry for each of the 2 readings"):
        GpuTrace(period_s=1, offset_s=[0, 1], mark_s={}, power_w=[1.0])


def test_throttle_reasons_have_words_and_idling_is_none():
    assert throttle_words(0x4 | 0x40 | 0x1) == "power cap, hardware thermal slowdown"
    assert throttle_words(0x1 | 0x2 | 0x100) == ""  # idle, application clocks, display: nvml.h
