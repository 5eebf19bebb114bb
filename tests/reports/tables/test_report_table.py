import math
from pathlib import Path

import pytest

pytest.importorskip("pandas", reason="pandas is not installed: pip install pandas")

import pandas as pd
from synthetic_results import bad, case, ok, write_results

from rsc_bench.harness.records.file import read
from rsc_bench.reports.tables.table import Table, read_table


def table_of(tmp_path: Path, *rounds, name: str = "run.jsonl") -> Table:
    return read_table([read(write_results(tmp_path / name, list(rounds)))])


def row_of(table: Table, kernel: str) -> pd.Series:
    return table.cases.set_index("kernel").loc[kernel]


def test_speedups_are_paired_within_a_round_and_then_their_median_is_taken(tmp_path):
    # Rounds: 10/5, 30/10, 10/4 ms. Their speedups are 2, 3 and 2.5; the ratio of the median times would be 10/5.
    rounds = [[ok(case("mkl"), base), ok(case("topk(mkl)", 0.1), time)] for base, time in [(10, 5), (30, 10), (10, 4)]]
    row = row_of(table_of(tmp_path, *rounds), "topk(mkl)")
    assert [row["speedup"], row["speedup low"], row["speedup high"]] == pytest.approx([2.5, 2, 3])
    assert (row["rounds"], row["speedup against"]) == (3, "mkl")


def test_the_baseline_is_the_fastest_exact_kernel_of_each_round_and_all_of_them_are_named(tmp_path):
    rounds = [
        [ok(case("mkl"), mkl), ok(case("rows_numba"), ours), ok(case("topk(mkl)", 0.1), 1)]
        for mkl, ours in [(4, 3), (4, 2), (1, 2)]
    ]
    row = row_of(table_of(tmp_path, *rounds), "topk(mkl)")
    assert row["speedup against"] == "rows_numba, mkl"
    assert row["speedup"] == pytest.approx(2)


def break_even_in_rounds(tmp_path, *rounds):
    """The row of a kernel with these seconds to prepare and milliseconds a call in each round; the reference has 1 s and 20 ms."""
    table = table_of(
        tmp_path,
        *([ok(case("simple"), 20, prepare_s=1.0), ok(case("mine"), time_ms, prepare_s=paid_s)] for paid_s, time_ms in rounds),
    )
    return row_of(table, "mine")


def test_a_break_even_point_is_that_of_each_round_and_then_their_median(tmp_path):
    # 1 s, 2 s and 4 s more than the reference, for 10 ms a call.
    row = break_even_in_rounds(tmp_path, (2.0, 10), (5.0, 10), (3.0, 10))
    assert [row["break-even"], row["break-even low"], row["break-even high"]] == [200, 100, 400]
    assert row["break-even against"] == "simple"


@pytest.mark.parametrize(("slow_rounds", "expected"), [(1, 100), (2, math.inf)])
def test_a_round_in_which_a_kernel_never_pays_counts_as_more_than_every_number(tmp_path, slow_rounds, expected):
    row = break_even_in_rounds(tmp_path, *[(2.0, 10)] * (3 - slow_rounds), *[(2.0, 30)] * slow_rounds)
    assert [row["break-even"], row["break-even low"], row["break-even high"]] == [expected, 100, math.inf]


def test_a_break_even_point_that_is_not_known_has_its_reason(tmp_path):
    row = break_even_in_rounds(tmp_path, (None, 10), (None, 10))
    assert pd.isna(row["break-even"])
    assert row["break-even absent"] == "the time to prepare was not recorded"


def test_a_speedup_without_its_baseline_is_absent(tmp_path):
    row = row_of(table_of(tmp_path, [ok(case("mkl"), 4), ok(case("topk(mkl)", 0.1), 2)]), "topk(mkl)")
    assert pd.isna(row["speedup vs torch-sparse"])
    assert row["speedup vs vendor"] == pytest.approx(2)


def test_a_composed_kernel_is_taken_apart(tmp_path):
    row = row_of(table_of(tmp_path, [ok(case("cached_topk(rows_numba)", 0.1), 2)]), "cached_topk(rows_numba)")
    assert (row["selection"], row["base"], row["cached"]) == ("cached_topk", "rows_numba", True)


def test_a_kernel_that_was_wrong_once_has_no_number_and_is_no_baseline(tmp_path):
    first = [ok(case("mkl"), 4), ok(case("mine"), 1), ok(case("topk(mkl)", 0.1), 2)]
    second = [ok(case("mkl"), 4), bad(case("mine"), "wrong", "error 0.3"), ok(case("topk(mkl)", 0.1), 2)]
    table = table_of(tmp_path, first, second)
    assert "mine" not in set(table.cases["kernel"])
    assert row_of(table, "topk(mkl)")["speedup against"] == "mkl"
    assert table.unmeasured[["kernel", "status", "reason", "rounds"]].values.tolist() == [["mine", "wrong", "error 0.3", "2"]]


def test_a_case_that_failed_in_one_round_keeps_the_others_and_is_listed(tmp_path):
    table = table_of(tmp_path, [ok(case("mkl"), 4)], [bad(case("mkl"), "failed", "out of memory")])
    assert row_of(table, "mkl")["rounds"] == 1
    assert table.unmeasured["rounds"].tolist() == ["2"]


def test_the_same_case_of_two_files_is_kept_apart(tmp_path):
    (tmp_path / "a").mkdir()
    paths = [
        write_results(tmp_path / name, [[ok(case("mkl"), 4)]], {"cpu": {"model": name}}) for name in ("a/run.jsonl", "run.jsonl")
    ]
    table = read_table([read(path) for path in paths])
    assert table.cases["file"].tolist() == ["a/run.jsonl", f"{tmp_path.name}/run.jsonl"]
    assert table.cases["machine"].tolist() == ["a/run.jsonl", "run.jsonl"]


def test_a_file_without_records_is_an_empty_table_with_its_columns(tmp_path):
    table = table_of(tmp_path)
    assert len(table.cases) == len(table.unmeasured) == 0
    assert {"kernel", "speedup", "speedup low", "speedup against"} <= {*table.cases.columns}


def test_training_records_with_fields_of_their_own_are_rows_but_not_products(tmp_path):
    path = write_results(
        tmp_path / "run.jsonl", [[ok(case("mkl"), 4), ok(case("topk(mkl)", 0.1, model="gcn", suite="training"), 9)]]
    )
    path.write_text(path.read_text().replace('"times_s"', '"epoch_s":[0.1],"k_per_layer":[[3]],"times_s"'))
    table = read_table([read(path)])
    assert len(table.cases) == 2
    assert [row["kernel"] for row in table.products] == ["mkl"]


def test_escaping_leaves_no_markup_in_any_text_and_numbers_as_they_are(tmp_path):
    table = table_of(tmp_path, [ok(case("mkl", graph="<b>&"), 4)])
    escaped = table.escaped()
    assert escaped.cases["graph"].tolist() == ["&lt;b&gt;&amp;"]
    assert escaped.cases["latency"].tolist() == table.cases["latency"].tolist()
    assert table.cases["graph"].tolist() == ["<b>&"]


def test_a_graph_in_another_order_is_a_graph_of_its_own_with_a_speedup_of_its_own(tmp_path):
    # 10/5 as it is and 8/2 by degree: neither is quoted against the other's exact kernel.
    as_is = [ok(case("mkl"), 10.0), ok(case("topk(mkl)", 0.1), 5.0)]
    by_degree = [ok(case("mkl", reorder="degree"), 8.0), ok(case("topk(mkl)", 0.1, reorder="degree"), 2.0)]
    found = table_of(tmp_path, [*as_is, *by_degree]).cases.set_index(["graph", "kernel"])["speedup"]
    assert (found["ring", "topk(mkl)"], found["ring (degree)", "topk(mkl)"]) == (2, 4)
