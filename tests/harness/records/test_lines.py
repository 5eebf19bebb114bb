import msgspec
import pytest
from made_runs import case, measurement

from rsc_bench.harness.records.case import Case
from rsc_bench.harness.records.measurement import Flat
from rsc_bench.harness.records.run import Record


def test_equal_cases_are_one_key():
    assert {case(width=8): 1, case(width=8): 2} == {case(width=8): 2}
    assert case(dtype="float32") != case(dtype="bfloat16")
    assert case(clock="host") != case(clock="cuda_cold")


def test_a_case_reads_as_one_line_with_all_that_tells_it_apart():
    sampled = case("topk(mkl)", budget=0.1, reduce="mean")
    assert str(sampled) == "exact twin:flickr d=8 float32 cpu host topk(mkl) C=0.1 mean"
    assert str(case("mkl", model="gcn", layers=3, seed=0)).endswith("mkl model=gcn layers=3 seed=0")


def test_the_order_of_the_nodes_is_told_with_the_graph_and_tells_cases_apart():
    assert case(reorder="degree") != case()
    assert str(case(reorder="degree")).startswith("exact twin:flickr (degree) d=8 ")


@pytest.mark.parametrize("times_s", [[], [0.0], [-1.0], [float("nan")], [1.0, float("inf")]])
def test_a_time_is_positive_and_finite(times_s):
    with pytest.raises(ValueError, match="times_s must be positive, finite and not empty"):
        measurement(*times_s)


@pytest.mark.parametrize("error", [float("nan"), float("inf")])
def test_an_error_is_finite(error):
    with pytest.raises(ValueError, match="rel_error must be finite"):
        measurement(1.0, rel_error=error)


@pytest.mark.parametrize(
    ("status", "reason", "has"),
    [("ok", None, False), ("wrong", "error 3", True), ("ok", "no reason", True), ("failed", None, False)],
)
def test_a_measurement_is_present_exactly_when_the_status_is_ok_and_a_reason_when_it_is_not(status, reason, has):
    with pytest.raises(ValueError, match="is present exactly when"):
        Record(case=case(), status=status, reason=reason, measurement=measurement(1.0) if has else None)


def test_a_record_reads_back_from_json_as_it_was():
    record = Record(case=case(budget=0.25), status="ok", measurement=measurement(1.5, 2.5, select_s=[0.5], peak_bytes=7))
    assert msgspec.json.decode(msgspec.json.encode(record), type=Record) == record


# docs: shared names of a case and a measurement, which other tools read (DESIGN, section 3).
def test_the_names_on_disk_are_the_agreed_ones():
    assert {"suite", "kernel", "graph", "width", "budget", "dtype", "device", "clock"} <= set(Case.__struct_fields__)
    named = {"times_s", "select_s", "prepare_s", "rel_error", "nnz", "kept_nnz", "peak_bytes"}
    assert named <= set(msgspec.json.decode(msgspec.json.encode(measurement(1.0))))
    assert named <= set(Flat.__struct_fields__)
