import json

import pytest

pytest.importorskip("click", reason="click is not installed: pip install click")
pytest.importorskip("pandas", reason="tables need pandas: pip install pandas")

from made_documents import document
from synthetic_results import bad, case, ok, write_results


def test_the_fastest_first_what_is_shared_above_and_what_is_missing_below(call, tmp_path):
    records = [ok(case("mkl"), 20), ok(case("topk(mkl)", 0.1), 4), bad(case("gone"), "skipped", "no GPU")]
    run = write_results(tmp_path / "run.jsonl", [records])
    status, out, err = call("show", run)
    assert (status, err) == (0, "")
    above, end, head, first, second, *rest = out.splitlines()
    assert end == "one round"
    assert above.startswith("products: run.jsonl, Example CPU 9000, 2 cores, ring, width 64, float32, cpu, ")
    assert head.split()[:4] == ["kernel", "budget", "speedup", "[x]"]
    assert (first.split()[:3], second.split()[:2]) == (["topk(mkl)", "0.1", "5.00"], ["mkl", "1.00"])
    assert rest == ["", "not measured: 1 skipped (no GPU)"]


def test_a_long_table_says_how_many_rows_are_left_out(call, tmp_path):
    run = write_results(tmp_path / "run.jsonl", [[ok(case(f"k{place}"), 10 + place) for place in range(60)]])
    assert "10 more rows: --all shows them" in call("show", run)[1]
    shown = call("show", run, "--all")[1]
    assert "more rows" not in shown
    assert "k59" in shown


def test_chosen_metrics(call, tmp_path):
    run = write_results(tmp_path / "run.jsonl", [[ok(case("mkl"), 20)]])
    assert call("show", run, "--metric", "memory", "--metric", "latency")[1].splitlines()[1].split("  ")[-2:] == [
        "memory [MB]",
        "latency [ms]",
    ]
    assert call("show", run, "--metric", "sped")[0] == 2


def test_nothing_measured_is_said(call, tmp_path):
    run = write_results(tmp_path / "run.jsonl", [[bad(case("mkl"), "failed", "no memory")]])
    assert call("show", run) == (0, "nothing was measured\nnot measured: mkl failed (no memory)\n", "")
    assert call("show", tmp_path / "none.jsonl")[0] == 2


def test_unrelated_benchmarks_of_another_program_have_times_and_no_speedup(call, tmp_path):
    (tmp_path / "saved.json").write_text(json.dumps(document({"a.py::test_a": 0.001, "a.py::test_b": 0.1})))
    assert "or by `import` from pytest-benchmark's JSON" in call("show", tmp_path / "saved.json")[2]
    assert call("import", tmp_path / "saved.json", "--results", tmp_path / "run.jsonl")[0] == 0
    out = call("show", tmp_path / "run.jsonl")[1]
    assert "speedup" not in out
    assert [line.split() for line in out.splitlines()[1:4]] == [
        ["kernel", "latency", "[ms]"],
        ["test_a", "1.00"],
        ["test_b", "100"],
    ]
    status, _, err = call("figure", "exact_kernels", tmp_path / "run.jsonl", "--output", tmp_path / "x.svg")
    assert (status, err.count("\n")) == (2, 1)
