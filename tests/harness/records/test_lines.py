import msgspec
import pytest
from made_runs import case, measurement, not_ok, ok

from rsc_bench.harness.records.case import Case
from rsc_bench.harness.records.lines import RecordLine, from_line, to_line
from rsc_bench.harness.records.measurement import Flat
from rsc_bench.harness.records.run import Record

# A product, a case on a GPU, a training, one that another program measured, and one that was skipped, as 0.1 wrote them.
CASE = (
    b'{"case":{"suite":"exact","kernel":"mkl","graph":"ring","width":8,"budget":null,"dtype":"float32","device":"cpu",'
    b'"clock":"host"}'
)
SHARED = b',"status":"ok","reason":null,"measurement":{"times_s":[0.5],"select_s":null,"prepare_s":0.1,'
OLD_LINES = {
    "product": CASE + SHARED + b'"rel_error":0.0,"nnz":4,"kept_nnz":4,"peak_bytes":9,"rows":2,"check_error":1e-7}}',
    "gpu": CASE + SHARED + b'"rel_error":0.0,"nnz":4,"kept_nnz":4,"peak_bytes":null,"telemetry":{"period_s":0.1,"offset_s":[0.0],'
    b'"mark_s":{"prepare":0.0},"power_w":[90.5]},"throttled":[0],"gpu_shared_with":["trainer (pid 7)"]}}',
    "training": CASE + SHARED + b'"rel_error":null,"nnz":4,"kept_nnz":4,"peak_bytes":null,"epoch_s":[0.5],"val_metric":[0.25]}}',
    "imported": CASE + SHARED + b'"rel_error":null,"nnz":0,"kept_nnz":0,"peak_bytes":null,"summarised_samples":7}}',
    "skipped": CASE + b',"status":"skipped","reason":"no GPU","measurement":null}',
}


@pytest.mark.parametrize("line", OLD_LINES.values(), ids=OLD_LINES)
def test_a_line_of_before_is_read_and_would_be_written_with_the_same_values(line):
    record = from_line(msgspec.json.decode(line, type=RecordLine))
    assert msgspec.json.decode(msgspec.json.encode(to_line(record))) == msgspec.json.decode(line)


@pytest.mark.parametrize(
    ("status", "reason", "has"),
    [("ok", None, False), ("wrong", "error 3", True), ("ok", "no reason", True), ("failed", None, False)],
)
def test_a_measurement_is_present_exactly_when_the_status_is_ok_and_a_reason_when_it_is_not(status, reason, has):
    with pytest.raises(ValueError, match="is present exactly when"):
        Record(case=case(), status=status, reason=reason, measurement=measurement(1.0) if has else None)


@pytest.mark.parametrize(
    "record", [ok(case(budget=0.25), 1.5, 2.5, select_s=[0.5], peak_bytes=7), not_ok(case(), "failed", "no memory")]
)
def test_a_record_reads_back_from_json_as_it_was(record):
    assert from_line(msgspec.json.decode(msgspec.json.encode(to_line(record)), type=RecordLine)) == record


# Other tools read these names: they change only with the number of the schema.
def test_the_names_on_disk_are_the_agreed_ones():
    assert {"suite", "kernel", "graph", "width", "budget", "dtype", "device", "clock"} <= set(Case.__struct_fields__)
    named = {"times_s", "select_s", "prepare_s", "rel_error", "nnz", "kept_nnz", "peak_bytes"}
    line = msgspec.json.decode(msgspec.json.encode(to_line(ok(case(), 1.0))))
    assert line.keys() == {"case", "status", "reason", "measurement"}
    assert line["measurement"].keys() == named
    assert named | {"epoch_s", "loss", "val_metric", "test_metric", "metric_name", "k_per_layer"} <= set(Flat.__struct_fields__)
