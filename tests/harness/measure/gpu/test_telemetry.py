import sys
import threading
import time

import pytest

pytest.importorskip("pynvml", reason="the fake borrows the library's constants")

from made_nvml import GIB, LOST, NO_PERMISSION, UUID, FakeNvml

from rsc_bench.harness.machine import nvml
from rsc_bench.harness.measure.gpu import polling
from rsc_bench.harness.measure.gpu.polling import Poller
from rsc_bench.harness.measure.gpu.trace import Trace
from rsc_bench.harness.records.gpu_trace import COLUMNS, GpuTrace, throttle_words

PERIOD_S = 0.005


@pytest.fixture
def library(monkeypatch):
    made = FakeNvml()
    monkeypatch.setitem(sys.modules, "pynvml", made)
    return made


def traced(parts=("prepare", "sample"), wait_s=0.03):
    trace = Trace(nvml.find(UUID), PERIOD_S)
    for part in parts:
        trace.mark(part)
        time.sleep(wait_s)
    return trace.end()


def test_a_trace_has_a_column_for_all_that_is_told_and_a_time_for_each_reading(library):
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
    trace = Trace(nvml.find(UUID), PERIOD_S)
    assert threading.active_count() == before
    trace.mark("prepare")
    assert threading.active_count() == before + 1
    found = trace.end()
    assert threading.active_count() == before
    assert trace.end() == found, "the end comes once"


def test_a_trace_that_never_began_has_no_readings(library):
    found = Trace(nvml.find(UUID)).end()
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
    trace = Trace(nvml.find(UUID), period_s=60)
    library.refuse("nvmlDeviceGetTemperature")
    trace.mark("prepare")
    del library.nvmlDeviceGetTemperature  # answers again
    found = trace.end()
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
    trace = Trace(nvml.find(UUID), PERIOD_S)
    trace.mark("prepare")
    assert threading.active_count() == before
    found = trace.end()
    assert (found.offset_s, found.ended) == ([], "GPU is lost")


def test_a_driver_that_hangs_does_not_hang_the_run(library, monkeypatch):
    released = threading.Event()
    trace = Trace(nvml.find(UUID), PERIOD_S)
    trace.mark("prepare")
    monkeypatch.setattr(polling, "PATIENCE_S", 0.05)
    library.nvmlDeviceGetPowerUsage = lambda handle: released.wait(10) and 0
    time.sleep(0.03)
    found = trace.end()
    released.set()
    assert found.ended.startswith("NVML did not answer within")
    assert len(found.offset_s) >= 1


def test_a_poller_stops_when_it_is_told_that_there_is_no_more():
    left = [True, True, False]
    poller = Poller(lambda: left.pop(0), period_s=0)
    poller.start()
    time.sleep(0.02)
    assert left == []
    assert poller.stop()


def test_columns_are_as_long_as_the_readings_are_many():
    with pytest.raises(ValueError, match="power_w must have one entry for each of the 2 readings"):
        GpuTrace(period_s=1, offset_s=[0, 1], mark_s={}, power_w=[1.0])


def test_throttle_reasons_are_said_in_words_and_idling_is_none():
    assert throttle_words(0x4 | 0x40 | 0x1) == "power cap, hardware thermal slowdown"
    assert throttle_words(0x1 | 0x2 | 0x100) == ""  # idle, application clocks, display: nvml.h
