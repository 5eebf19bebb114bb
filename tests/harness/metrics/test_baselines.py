import dataclasses

from made_runs import case, not_ok, ok

from rsc_bench.harness.metrics import Baselines, Metric
from rsc_bench.plugins import find


def metric(*against):
    return Metric("speedup", "x", "higher", "Times as fast.", lambda measurement, baseline: None, against=against or None)


RECORDS = [
    ok(case("mkl"), 4.0),
    ok(case("rows_numba"), 2.0, 3.0, 9.0),
    ok(case("torch_sparse", width=16), 1.0),
    not_ok(case("torch_reduce"), "failed", "out of memory"),
    ok(case("graph_cached", suite="harness"), 0.001),
    ok(case("topk(mkl)", budget=0.1, suite="sampled"), 0.5),
]
SAMPLED = case("topk(mkl)", budget=0.1, suite="sampled")


def test_without_a_name_the_exact_kernel_with_the_fastest_call_is_the_baseline():
    name, measured = Baselines(RECORDS).of(metric(), SAMPLED)
    assert (name, measured.timing.times_s) == ("rows_numba", [2.0, 3.0, 9.0])


def test_of_named_kernels_the_fastest_that_was_measured_is_the_baseline():
    assert Baselines(RECORDS).of(metric("cusparse", "mkl"), SAMPLED)[0] == "mkl"
    assert Baselines(RECORDS).of(metric("mkl", "rows_numba"), SAMPLED)[0] == "rows_numba"
    assert Baselines(RECORDS).of(metric("torch_reduce"), SAMPLED) is None


def test_a_metric_may_choose_the_fastest_by_another_time_than_a_call():
    def seconds(measurement):
        return None if len(measurement.timing.times_s) > 1 else 9.0 - measurement.timing.fastest_s

    slowest = Metric("mine", "s", "lower", "Mine.", lambda measurement, baseline: None, fastest_by=seconds)
    records = [*RECORDS, ok(case("torch_reduce", reorder=None), 6.0)]
    assert Baselines(records).of(slowest, SAMPLED)[0] == "torch_reduce"
    assert Baselines(RECORDS[1:2]).of(slowest, SAMPLED) is None  # none of them has such a time


def test_what_grows_has_its_own_baselines():
    growing = case("mkl", suite="growth"), case("topk(mkl)", budget=0.1, suite="growth")
    baselines = Baselines([*RECORDS, ok(growing[0], 3.0)])
    assert baselines.of(metric(), growing[1])[0] == "mkl"
    assert baselines.of(metric(), SAMPLED)[0] == "rows_numba"


def test_an_extremum_has_its_own_baselines():
    extremum, slower = (case(name, suite="minmax", reduce="max") for name in ("torch_reduce", "dgl"))
    baselines = Baselines([*RECORDS, ok(extremum, 3.0)])
    assert baselines.of(metric(), slower)[0] == "torch_reduce"
    assert Baselines(RECORDS).of(metric(), slower) is None


def test_sddmm_has_its_own_baselines_and_cusparses_is_the_vendors():
    dots, slower = (case(name, suite="sddmm") for name in ("sddmm_torch_cuda", "mine"))
    baselines = Baselines([*RECORDS, ok(dots, 3.0)])
    vendors = find("metric", "speedup vs vendor")
    assert baselines.of(metric(), slower)[0] == baselines.of(vendors, slower)[0] == "sddmm_torch_cuda"
    assert Baselines(RECORDS).of(metric(), slower) is None
    assert baselines.of(metric(), SAMPLED)[0] == "rows_numba"


def test_a_baseline_computes_the_same_operation():
    baselines = Baselines(RECORDS)
    assert baselines.of(metric(), case("topk(mkl)", budget=0.1, width=16))[0] == "torch_sparse"
    for other in (
        {"dtype": "bfloat16"},
        {"clock": "cuda_hot"},
        {"device": "cuda:0"},
        {"graph": "twin:yelp"},
        {"reduce": "mean"},
        {"freed_memory": "kept"},
    ):
        assert baselines.of(metric(), case("topk(mkl)", budget=0.1, **other)) is None


def test_a_class_has_baselines_of_its_own_and_beside_them_that_of_float32():
    records = [
        ok(case("mkl"), 4.0),
        ok(case("mine", precision="tf32"), 3.0),
        ok(case("theirs", precision="tf32"), 2.0),
        ok(case("mkl", dtype="float16"), 1.0),
        ok(case("edges", suite="sampled"), 0.1),  # an approximation without a budget is no baseline
    ]
    baselines, float32 = Baselines(records), dataclasses.replace(metric(), against_float32=True)
    mine = case("mine", precision="tf32")
    assert [baselines.of(each, mine)[0] for each in (metric(), float32, metric("mkl"))] == ["theirs", "mkl", "mkl"]
    assert baselines.of(float32, mine)[1].timing.times_s == [4.0]
    assert baselines.of(metric(), case("mine", dtype="float16", precision="tf32")) is None
    assert baselines.of(float32, case("rows_numba", dtype="float16"))[0] == "mkl"
    assert baselines.of(float32, case("rows_numba")) is None  # its speedup says it
    assert baselines.of(metric(), case("topk(mine)", budget=0.1, suite="sampled", precision="tf32"))[0] == "theirs"
    assert baselines.of(metric(), case("edges", suite="sampled"))[0] == "mkl"
