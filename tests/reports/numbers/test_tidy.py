import math

import pytest

pytest.importorskip("pandas", reason="tables need pandas: pip install pandas")

from synthetic_results import bad, case, ok, write_results
from synthetic_trainings import Trainings, trainings

from rsc_bench import compare, read_results
from rsc_bench.harness.records.run import Run

EXACT, SAMPLED, ABSENT = case("mkl"), case("topk(mkl)", 0.1), case("torch_sparse")


@pytest.fixture
def results(tmp_path):
    """Two rounds: an exact kernel, a sampled one that fails in the second, and one that is never measured."""
    first = [ok(EXACT, 20), ok(SAMPLED, 4, select_s=[1e-3], rel_error=0.5), bad(ABSENT, "skipped", "is not installed")]
    second = [ok(EXACT, 24), bad(SAMPLED, "failed", "out of memory"), bad(ABSENT, "skipped", "is not installed")]
    return read_results(write_results(tmp_path / "run.jsonl", [first, second]))


def test_a_row_a_case_measured_or_not_with_the_reason(results):
    frame = results.to_pandas()
    assert frame["kernel"].tolist() == ["mkl", "topk(mkl)", "torch_sparse"]
    assert frame["status"].tolist() == ["ok", "ok", "skipped"]
    assert frame["reason"].tolist() == [None, "out of memory", "is not installed"]
    assert frame["rounds"].tolist() == [2, 1, 0]


def test_a_metric_is_its_median_its_lowest_and_its_highest_with_its_unit_in_the_name(results):
    frame = results.to_pandas().set_index("kernel")
    names = ["latency_ms_low", "latency_ms", "latency_ms_high"]
    assert frame.loc["mkl", names].tolist() == pytest.approx([20, 22, 24])
    assert frame.loc["topk(mkl)", names].tolist() == pytest.approx([4, 4, 4])
    assert math.isnan(frame.loc["torch_sparse", "latency_ms"])
    assert frame.loc["topk(mkl)", "speedup_x"] == pytest.approx(5)
    assert frame.loc["topk(mkl)", "speedup_x_against"] == "mkl"
    assert {"bandwidth_GB_per_s", "kept_percent", "memory_MB"} <= set(frame.columns)


def test_chosen_metrics_are_all_there_is_in_their_order(results):
    frame = results.to_pandas("error", "speedup vs vendor", "error")
    chosen = [name for name in frame.columns if name.startswith(("error", "speedup", "latency"))]
    assert chosen == [
        "error",
        "error_low",
        "error_high",
        *(f"speedup_vs_vendor_x{end}" for end in ("", "_low", "_high", "_against")),
    ]


def test_a_metric_that_there_is_not_is_an_error_with_the_nearest(results):
    with pytest.raises(ValueError, match="metric 'sped' is not known: nearest are speedup"):
        results.to_pandas("sped")


def test_whole_numbers_are_whole_and_texts_are_texts(tmp_path):
    records = [ok(case("mkl"), 20), *trainings(Trainings(models=("gcn",), seeds=2))]
    frame = read_results(write_results(tmp_path / "run.jsonl", [records])).to_pandas()
    assert {str(frame[name].dtype) for name in ("width", "seed", "epochs")} == {"Int64"}
    assert frame["seed"].isna().tolist()[0]
    assert frame["kernel"].tolist()[0] == "mkl"
    assert frame["metric_name"].dropna().unique().tolist() == ["accuracy"]


def test_what_is_read_is_still_a_run_that_can_be_compared(results, tmp_path):
    assert isinstance(results, Run)
    assert [record.case for record in results.records][:2] == [EXACT, SAMPLED]
    assert EXACT in {verdict.case for verdict in compare(results, results).verdicts}
    assert repr(results) == f"Results({str(results.path)!r}: 2 rounds, 6 records of 3 cases)"


def test_a_notebook_shows_the_tables_escaped(tmp_path):
    records = [ok(case("<b>&"), 20), *(ok(case(f"k{place}"), 10 + place) for place in range(30))]
    shown = read_results(write_results(tmp_path / "run.jsonl", [records]))._repr_html_()
    assert "speedup [x]" in shown
    assert "<b>&" not in shown
    assert "11 more rows" in shown
