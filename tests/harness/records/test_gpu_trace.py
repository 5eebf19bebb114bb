import msgspec
import pytest
from made_runs import case, measurement, not_ok, ok, run, written

from rsc_bench.harness.records.file import read
from rsc_bench.harness.records.gpu_trace import Energy, GpuTrace, throttle_words
from rsc_bench.harness.records.lines import RecordLine, from_line
from rsc_bench.harness.records.measurement import to_flat

OLD = (
    b'{"case":{"suite":"exact","kernel":"cusparse","graph":"ring","width":8,"budget":null,"dtype":"float32","device":"cuda:0",'
    b'"clock":"host"},"status":"ok","reason":null,"measurement":{"times_s":[0.5],"select_s":null,"prepare_s":0.1,'
    b'"rel_error":0.0,"nnz":4,"kept_nnz":4,"peak_bytes":null}}'
)
REPORTED = {
    "telemetry": GpuTrace(
        period_s=0.1, offset_s=[0.0, 0.1], mark_s={"prepare": 0.0}, power_w=[90.5, None], absent={"power_w": "?"}
    ),
    "energy": Energy(step_s=[0.1, 0.2], counter_j=[1.0, 2.0], calls=5, pass_s=2.0, idle_w=70.0),
    "throttled": [0],
    "gpu_shared_with": ["trainer (pid 7)"],
}


def on_disk(measured):
    return msgspec.to_builtins(to_flat(measured))


def test_a_record_from_before_there_were_traces_still_reads():
    found = from_line(msgspec.json.decode(OLD, type=RecordLine)).measurement
    assert found.gpu is None


def test_what_a_gpu_reported_comes_back_from_a_results_file(tmp_path):
    of = case("cusparse", device="cuda:0")
    path = written(tmp_path / "run.jsonl", [ok(of, 0.5, **REPORTED), not_ok(case(), "skipped", "no reason")])
    assert read(path).records == run([ok(of, 0.5, **REPORTED), not_ok(case(), "skipped", "no reason")]).records


def test_the_names_on_disk_carry_their_units():
    tree = on_disk(measurement(0.5, **REPORTED))
    assert tree["telemetry"] == {
        "period_s": 0.1,
        "offset_s": [0.0, 0.1],
        "mark_s": {"prepare": 0.0},
        "power_w": [90.5, None],
        "absent": {"power_w": "?"},
    }
    assert tree["energy"].keys() == {"step_s", "counter_j", "calls", "pass_s", "idle_w"}


def test_a_record_of_a_cpu_has_nothing_of_a_gpu():
    tree = on_disk(measurement(0.5))
    assert not {"telemetry", "energy", "throttled", "telemetry_missing", "energy_missing"} & tree.keys()


def test_a_column_has_an_entry_for_each_reading_whether_it_is_ours_or_a_plug_in_s():
    for column in ({"power_w": [1.0, 2.0]}, {"other": {"fan_percent": [1.0, 2.0]}}):
        with pytest.raises(ValueError, match=r"must have one entry for each of the 1 readings \(got 2\)"):
            GpuTrace(period_s=0.1, offset_s=[0.0], mark_s={}, **column)


def test_the_readings_of_a_part_end_where_the_next_part_begins():
    marks = {"prepare": 0.0, "sample": 1.0, "end": 3.0}
    trace = GpuTrace(
        period_s=1.0,
        offset_s=[0.5, 1.5, 2.5, 3.5],
        mark_s=marks,
        power_w=[1.0, 2.0, None, 4.0],
        other={"fan": [5.0, 6.0, 7.0, 8.0]},
    )
    assert trace.since("sample", "power_w") == [2.0]
    assert trace.since("sample", "fan") == [6.0, 7.0]
    assert trace.since("check", "power_w") == trace.since("sample", "no such column") == []


def test_what_slows_a_gpu_down_is_named():
    assert throttle_words(0x4 | 0x40) == "power cap, hardware thermal slowdown"
    assert throttle_words(0x1) == "", "idling is a reason for a low clock, and no throttling"
