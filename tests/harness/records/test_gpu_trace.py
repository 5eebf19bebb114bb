import msgspec
from made_runs import case, measurement, not_ok, ok, run, written

from rsc_bench.harness.records.file import read
from rsc_bench.harness.records.gpu_trace import Energy, GpuTrace
from rsc_bench.harness.records.run import Record

OLD = (
    b'{"case":{"suite":"exact","kernel":"cusparse","graph":"ring","width":8,"budget":null,"dtype":"float32","device":"cuda:0",'
    b'"clock":"host"},"status":"ok","reason":null,"measurement":{"times_s":[0.5],"select_s":null,"prepare_s":0.1,'
    b'"rel_error":0.0,"nnz":4,"kept_nnz":4,"peak_bytes":null}}'
)
TOLD = {
    "telemetry": GpuTrace(
        period_s=0.1, offset_s=[0.0, 0.1], mark_s={"prepare": 0.0}, power_w=[90.5, None], absent={"power_w": "?"}
    ),
    "energy": Energy(step_s=[0.1, 0.2], counter_j=[1.0, 2.0], calls=5, pass_s=2.0, idle_w=70.0),
    "throttled": [0],
    "gpu_shared_with": ["trainer (pid 7)"],
}


def test_a_record_from_before_telemetry_still_reads():
    found = msgspec.json.decode(OLD, type=Record).measurement
    assert (found.telemetry, found.telemetry_missing, found.energy, found.throttled) == (None, None, None, None)


def test_what_a_gpu_told_comes_back_from_a_results_file(tmp_path):
    of = case("cusparse", device="cuda:0")
    path = written(tmp_path / "run.jsonl", [ok(of, 0.5, **TOLD), not_ok(case(), "skipped", "no reason")])
    assert read(path).records == run([ok(of, 0.5, **TOLD), not_ok(case(), "skipped", "no reason")]).records


def test_the_names_on_disk_carry_their_units():
    tree = msgspec.to_builtins(measurement(0.5, **TOLD))
    assert tree["telemetry"] == {
        "period_s": 0.1,
        "offset_s": [0.0, 0.1],
        "mark_s": {"prepare": 0.0},
        "power_w": [90.5, None],
        "absent": {"power_w": "?"},
    }
    assert tree["energy"].keys() == {"step_s", "counter_j", "calls", "pass_s", "idle_w"}


def test_a_record_of_a_cpu_says_nothing_of_a_gpu():
    tree = msgspec.to_builtins(measurement(0.5))
    assert not {"telemetry", "energy", "throttled", "telemetry_missing", "energy_missing"} & tree.keys()
