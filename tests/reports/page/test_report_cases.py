from synthetic_results import bad, case, ok, write_results

from rsc_bench.harness.records.file import read
from rsc_bench.reports.page.cases import columns, shared
from rsc_bench.reports.page.unmeasured import unmeasured
from rsc_bench.reports.tables.table import read_table


def table_of(tmp_path, *rounds):
    return read_table([read(write_results(tmp_path / "run.jsonl", list(rounds)))])


def by_name(tmp_path, *rounds):
    return {column["name"]: column for column in columns(table_of(tmp_path, *rounds))}


def test_texts_are_stored_once_and_numbers_as_they_are(tmp_path):
    found = by_name(tmp_path, [ok(case("mkl"), 4), ok(case("topk(mkl)", 0.1), 2), ok(case("mine"), 8)])
    assert [found["kernel"]["texts"][code] for code in found["kernel"]["codes"]] == ["mkl", "topk(mkl)", "mine"]
    assert found["latency"]["values"] == [4, 2, 8]
    assert found["budget"]["values"] == [None, 0.1, None]


def test_what_is_the_same_in_every_case_is_said_once(tmp_path):
    table = table_of(tmp_path, [ok(case("mkl"), 4), ok(case("mine"), 4)])
    assert {"dtype": "float32", "device": "cpu", "clock": "host"}.items() <= shared(table).items()
    assert "model" not in shared(table)
    assert not {"dtype", "device", "clock", "file", "model"} & {column["name"] for column in columns(table)}


def test_a_header_carries_unit_direction_and_sentence_of_its_metric(tmp_path):
    latency = by_name(tmp_path, [ok(case("mkl"), 4)])["latency"]
    assert latency["label"] == "latency [ms] ↓"
    assert latency["summary"].startswith("Fastest call of the round")


def test_a_metric_that_no_case_has_is_left_out(tmp_path):
    found = by_name(tmp_path, [ok(case("rows_numba"), 4, peak_bytes=None)])
    assert "memory" not in found
    assert "speedup vs vendor" not in found


def test_ranges_are_stored_only_where_rounds_differ(tmp_path):
    found = by_name(tmp_path, [ok(case("mkl"), 4)], [ok(case("mkl"), 8)])
    assert (found["latency"]["low"], found["latency"]["values"], found["latency"]["high"]) == ([4], [6], [8])
    assert "low" not in found["error"]


def test_every_unmeasured_case_is_listed_wrong_first_under_its_kernel_and_reason(tmp_path):
    skipped = [bad(case("torch_sparse", width=width), "skipped", "not installed") for width in (64, 256)]
    groups = unmeasured(table_of(tmp_path, [*skipped, bad(case("topk(mine)", 0.1), "wrong", "error 0.3")]))
    assert [(group.status, group.kernel, group.reason, len(group.cases)) for group in groups] == [
        ("wrong", "topk(mine)", "error 0.3", 1),
        ("skipped", "torch_sparse", "not installed", 2),
    ]
    assert groups[0].cases == ("ring · d = 64 · budget 0.1 · float32 · cpu · host · round 1",)
