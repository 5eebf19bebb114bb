from synthetic_results import bad, case, ok, write_results

from rsc_bench.harness.records.file import read
from rsc_bench.reports.page.cases import columns, shared
from rsc_bench.reports.page.unmeasured import lost, unmeasured
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


def test_the_memory_of_results_is_a_column_to_filter_by_where_there_are_two(tmp_path):
    records = [ok(case("mkl"), 4), ok(case("mkl", freed_memory="kept"), 2)]
    found = by_name(tmp_path, records)["memory setting"]
    assert ([found["texts"][code] for code in found["codes"]], found["filter"]) == (["fresh memory", "kept memory"], True)


def test_the_memory_of_results_is_said_once_where_all_are_in_kept_memory_and_never_where_nobody_asks(tmp_path):
    assert shared(table_of(tmp_path, [ok(case("mkl", freed_memory="kept"), 4)]))["memory setting"] == "kept memory"
    (tmp_path / "run.jsonl").unlink()
    table = table_of(tmp_path, [ok(case("mkl"), 4), ok(case("mine"), 4)])
    assert "memory setting" not in shared(table)
    assert "memory setting" not in {column["name"] for column in columns(table)}


def test_the_suite_is_said_where_some_cases_are_dot_products(tmp_path):
    found = by_name(tmp_path, [ok(case("mkl"), 4), ok(case("sddmm_torch", suite="sddmm"), 5)])["suite"]
    assert [found["texts"][code] for code in found["codes"]] == ["exact", "sddmm"]


def test_dot_products_that_were_not_measured_say_what_they_are(tmp_path):
    missing = bad(case("sddmm_dgl", suite="sddmm"), "skipped", "dgl is not installed: pip install it")
    (found,) = unmeasured(table_of(tmp_path, [ok(case("mkl"), 4), missing]))
    assert " · sddmm · float32" in str(found)


def test_the_suite_is_said_where_the_same_product_may_be_one_of_two(tmp_path):
    exact, growing = ok(case("mkl"), 4), ok(case("mkl", suite="growth"), 5)
    found = by_name(tmp_path, [exact, growing])["suite"]
    assert [found["texts"][code] for code in found["codes"]] == ["exact", "growth"]
    (tmp_path / "run.jsonl").unlink()
    assert shared(table_of(tmp_path, [growing]))["suite"] == "growth"
    (tmp_path / "run.jsonl").unlink()
    table = table_of(tmp_path, [exact, ok(case("topk(mkl)", 0.1), 3)])
    assert "suite" not in {*shared(table), *(column["name"] for column in columns(table))}


def test_a_growing_product_without_a_number_is_told_apart(tmp_path):
    table = table_of(tmp_path, [bad(case("mkl", suite=suite), "skipped", "no memory") for suite in ("exact", "growth")])
    (group,) = unmeasured(table)
    places = [f"ring · d = 64 · {suite}float32 · cpu · host · round 1" for suite in ("", "growth · ")]
    assert sorted(group.parts[0].cases) == sorted(places)


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


def test_calls_are_whole_and_never_is_a_word_to_the_page_with_what_it_is_against(tmp_path):
    def records(paid_s):
        kernels = [("simple", 20, 1.0), ("mine", 10, paid_s), ("slow", 30, 1.5)]
        return [ok(case(kernel), time_ms, prepare_s=prepare_s) for kernel, time_ms, prepare_s in kernels]

    found = by_name(tmp_path, records(2.0), records(4.0))["break-even"]
    assert (found["label"], found["never"], found["decimals"]) == ("break-even [calls] ↓", True, 0)
    assert [found[name] for name in ("low", "values", "high")] == [[0, 100, "never"], [0, 200, "never"], [0, 300, "never"]]
    assert [found["against"]["texts"][code] for code in found["against"]["codes"]] == ["simple"] * 3


def test_every_unmeasured_case_is_listed_wrong_first_under_its_kernel_and_reason(tmp_path):
    skipped = [bad(case("torch_sparse", width=width), "skipped", "not installed") for width in (64, 256)]
    groups = unmeasured(table_of(tmp_path, [*skipped, bad(case("topk(mine)", 0.1), "wrong", "error 0.3")]))
    assert [(group.status, group.kernel, group.reason, group.count) for group in groups] == [
        ("wrong", "topk(mine)", "error 0.3", 1),
        ("skipped", "torch_sparse", "not installed", 2),
    ]
    assert groups[0].parts[0].cases == ("ring · d = 64 · budget 0.1 · float32 · cpu · host · round 1",)


def wrong(kernel, *, budget=None, got=0.3, status="wrong"):
    return bad(case(kernel, budget), status, f"error must be at most 1e-05 (got {got}): 2 of 8 rows")


def test_a_selection_that_has_the_trouble_of_its_exact_kernel_stands_with_it_with_its_own_numbers(tmp_path):
    one = [wrong("mine"), wrong("topk(mine)", budget=0.1, got=0.31), wrong("topk(mkl)", budget=0.1)]
    groups = unmeasured(table_of(tmp_path, [*one, wrong("random(mine)", budget=0.1, status="failed")]))
    assert [(group.status, group.kernel, group.others, group.count) for group in groups] == [
        ("wrong", "mine", "topk(mine)", 2),
        ("wrong", "topk(mkl)", "", 1),
        ("failed", "random(mine)", "", 1),
    ]
    assert [part.reason.partition("(")[2][:8] for part in groups[0].parts] == ["got 0.3)", "got 0.31"]


def test_other_troubles_of_one_kernel_are_entries_of_their_own(tmp_path):
    groups = unmeasured(table_of(tmp_path, [wrong("mine")], [bad(case("topk(mine)", 0.1), "wrong", "rows were left out")]))
    assert [group.kernel for group in groups] == ["mine", "topk(mine)"]


def test_a_case_that_was_wrong_in_two_rounds_with_other_numbers_is_one(tmp_path):
    (group,) = unmeasured(table_of(tmp_path, [wrong("mine", got=0.3)], [wrong("mine", got=0.4)]))
    assert (group.count, [len(part.cases) for part in group.parts]) == (1, [1, 1])


def test_each_case_without_a_number_is_counted_once_and_what_was_skipped_is_not(tmp_path):
    first = [
        ok(case("mkl"), 4),
        ok(case("flaky"), 4),
        wrong("mine"),
        bad(case("other"), "failed", "x"),
        bad(case("gpu"), "skipped", "x"),
    ]
    second = [ok(case("mkl"), 4), bad(case("flaky"), "failed", "x"), wrong("mine", got=2), wrong("other")]
    # Of four kernels mkl has numbers, and so has flaky, of the round in which it did not fail.
    assert lost(table_of(tmp_path, first, second)).words == "2 of 4 cases have no number: 2 wrong"


def test_one_case_without_a_number_has_none(tmp_path):
    found = lost(table_of(tmp_path, [ok(case("mkl"), 4), wrong("mine", status="failed")]))
    assert found.words == "1 of 2 cases has no number: 1 failed"


def test_where_cases_were_only_skipped_nothing_is_said(tmp_path):
    assert lost(table_of(tmp_path, [ok(case("mkl"), 4), bad(case("gpu"), "skipped", "no GPU")])) is None
