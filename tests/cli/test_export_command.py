import io
import json
import sys
from pathlib import Path

import pytest

pytest.importorskip("click", reason="click is not installed: pip install click")
pytest.importorskip("pandas", reason="tables need pandas: pip install pandas")

import pandas as pd
from synthetic_results import bad, case, ok, write_results

from rsc_bench.plugins import load

NEEDS = {"parquet": "pyarrow", "markdown": "tabulate"}
KERNEL = "k_1 & 2|3"


@pytest.fixture
def run(tmp_path):
    rounds = [
        [ok(case("mkl"), time_ms, prepare_s=1.0), ok(case(KERNEL, 0.1), 4, prepare_s=2.0), bad(case("gone"), "skipped", "no GPU")]
        for time_ms in (20, 24)
    ]
    return write_results(tmp_path / "run.jsonl", rounds)


def exported(call, run, form, *options):
    """The path of what was written; the formats need their libraries."""
    if form in NEEDS:
        pytest.importorskip(NEEDS[form], reason=f"{NEEDS[form]} is not installed: pip install {NEEDS[form]}")
    status, out, err = call("export", run, "--format", form, *options)
    assert (status, err) == (0, "")
    return out.rstrip("\n")


def frame_of(path):
    if path.endswith(".csv"):
        return pd.read_csv(path)
    return pd.read_parquet(path) if path.endswith(".parquet") else pd.DataFrame(json.loads(Path(path).read_text()))


@pytest.mark.parametrize(("form", "name"), {"csv": "run.csv", "json": "run.cases.json", "parquet": "run.parquet"}.items())
def test_a_row_a_case_comes_back_in_every_format_for_programs(call, run, form, name):
    path = exported(call, run, form)
    assert path == str(run.with_name(name))
    frame = frame_of(path).set_index("kernel")
    assert frame.index.tolist() == ["mkl", KERNEL, "gone"]
    assert frame.loc[KERNEL, ["budget", "latency_ms", "rounds"]].tolist() == [0.1, pytest.approx(4), 2]
    assert frame.loc["mkl", ["latency_ms_low", "latency_ms", "latency_ms_high"]].tolist() == pytest.approx([20, 22, 24])
    assert frame.loc["gone", ["status", "reason"]].tolist() == ["skipped", "no GPU"]
    assert pd.isna(frame.loc["gone", "latency_ms"])


def test_what_is_never_is_infinite_or_a_word_where_there_is_no_infinity(call, tmp_path):
    """A kernel that is slower in all ways than the other never pays for its preparing."""
    records = [ok(case("mkl"), 20, prepare_s=1.0), ok(case("slow"), 40, prepare_s=2.0)]
    run = write_results(tmp_path / "run.jsonl", [records])
    numbers = frame_of(exported(call, run, "csv", "--metric", "break-even"))["break_even_calls"].tolist()
    words = frame_of(exported(call, run, "json", "--metric", "break-even"))["break_even_calls"].tolist()
    assert numbers[1] == float("inf")
    assert words[1] == "never"


@pytest.mark.parametrize("form", ["csv", "json", "parquet"])
def test_no_digit_is_lost(call, tmp_path, form):
    run = write_results(tmp_path / "run.jsonl", [[ok(case("mkl"), 20, rel_error=1.2345678901234e-16)]])
    assert frame_of(exported(call, run, form, "--metric", "error"))["error"].tolist() == [1.2345678901234e-16]


@pytest.mark.parametrize(("form", "name"), {"markdown": "run.md", "latex": "run.tex"}.items())
def test_a_table_for_a_reader_has_speedups_first_and_the_text_of_a_name_as_it_is(call, run, form, name):
    path = exported(call, run, form)
    assert path == str(run.with_name(name))
    text = run.with_name(name).read_text(encoding="utf-8")
    head = next(line for line in text.splitlines() if "speedup" in line and "kernel" in line)
    assert head.index("speedup") < head.index("latency") < head.index("error")
    assert r"k_1 & 2\|3" in text if form == "markdown" else r"k\_1 \& 2\textbar{}3" in text
    assert "1 skipped (no GPU)" in text or "2 skipped" in text
    rows = [line for line in text.splitlines() if line.endswith(("|", r"\\"))]
    assert len({line.replace(r"\|", "").replace(r"\&", "").count("|" if form == "markdown" else "&") for line in rows}) == 1


def test_a_long_latex_table_breaks_over_pages_with_as_many_columns_as_it_has(call, tmp_path):
    run = write_results(tmp_path / "run.jsonl", [[ok(case(f"k{place}"), 10 + place) for place in range(50)]])
    exported(call, run, "latex", "--metric", "speedup")
    text = run.with_suffix(".tex").read_text(encoding="utf-8")
    assert r"\begin{longtable}{lr}" in text
    assert r"\multicolumn{2}{r}{Continued" in text


def test_only_chosen_metrics_in_their_order(call, run):
    columns = frame_of(exported(call, run, "csv", "--metric", "error", "--metric", "latency")).columns
    metrics = [name for name in columns if name.split("_")[0] in {"error", "latency", "speedup"}]
    assert metrics == ["error", "error_low", "error_high", "latency_ms", "latency_ms_low", "latency_ms_high"]


def test_an_output_says_the_format_by_its_end(call, run, tmp_path):
    for name in ("a.csv", "a.tex"):
        assert call("export", run, "--output", tmp_path / name) == (0, f"{tmp_path / name}\n", "")
    assert (tmp_path / "a.csv").read_text().startswith("suite,kernel,")
    assert "tabular" in (tmp_path / "a.tex").read_text()
    assert "benchmarks" in json.loads((call("export", run), run.with_suffix(".json"))[1].read_text())


def test_an_output_of_a_dash_is_the_standard_output(call, run):
    status, out, err = call("export", run, "--format", "csv", "--output", "-")
    assert (status, err) == (0, "")
    assert pd.read_csv(io.StringIO(out))["kernel"].tolist() == ["mkl", KERNEL, "gone"]


@pytest.mark.parametrize("form", ["csv", "json", "parquet", "markdown", "latex", "pytest-benchmark"])
def test_an_export_replaces_an_export_of_its_kind_and_nothing_else(call, run, tmp_path, form):
    target = tmp_path / "target"
    for _ in range(2):
        exported(call, run, form, "--output", target)
    theirs = b"PAR1 of somebody else PAR1" if form == "parquet" else b"[1, 2]"
    target.write_bytes(theirs)
    status, _, err = call("export", run, "--format", form, "--output", target)
    assert (status, err.count("\n")) == (2, 1)
    assert "was not written by this program" in err
    assert target.read_bytes() == theirs


def test_a_format_that_there_is_not_is_a_line_with_the_nearest(call, run):
    assert call("export", run, "--format", "cvs") == (2, "", "error: --format: export 'cvs' is not known: nearest is csv\n")


def test_a_format_whose_library_is_missing_is_a_line_with_the_extra(call, run, monkeypatch):
    for form, package in NEEDS.items():
        monkeypatch.setitem(sys.modules, package, None)
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
        line = f'error: --format {form}: {package} is not installed: pip install "rsc-bench[{form}]"\n'
        assert call("export", run, "--format", form) == (2, "", line)


def test_a_metric_goes_with_numbers(call, run):
    status, _, err = call("export", run, "--metric", "speedup")
    assert (status, err.count("\n")) == (2, 1)
    assert "leave it out, or give --format csv" in err
    assert call("export", run, "--format", "csv", "--metric", "sped")[2].startswith("error: --metric: metric 'sped' is not known")


def test_every_format_says_what_it_is_and_the_help_names_it(call):
    status, out, _ = call("export", "--help")
    assert status == 0
    assert all(name in out for name in load("export"))
    assert all(each.summary.endswith(".") for each in load("export").values())


@pytest.mark.parametrize(("form", "name"), [("github-action", "run.action.json"), ("bencher", "run.bencher.json")])
def test_services_get_a_time_a_case_and_what_they_do_not_get_is_named(call, run, form, name):
    status, out, err = call("export", run, "--format", form)
    assert (status, out.rstrip("\n")) == (0, str(run.with_name(name)))
    assert err.startswith("note: left out: ")
    assert err.endswith("gone d=64 float32 cpu host: skipped: no GPU\n") or "gone" in err
    assert err.count("\n") == 1
    found = json.loads(Path(out.rstrip("\n")).read_text())
    assert len(found) == 2
    assert call("export", run, "--format", form)[0] == 0, "an export of ours is replaced"
    Path(out.rstrip("\n")).write_text('{\n "mine": 1\n}\n')
    assert call("export", run, "--format", form)[0] == 2, "no file of another program is"


@pytest.mark.parametrize("form", ["github-action", "bencher"])
def test_services_get_nothing_where_nothing_was_measured(call, tmp_path, form):
    run = write_results(tmp_path / "run.jsonl", [[bad(case("gone"), "skipped", "no GPU")]])
    status, _, err = call("export", run, "--format", form)
    assert (status, err.count("\n")) == (2, 1)
    assert "no case has a time" in err


def test_a_case_that_failed_in_one_round_is_one_row_whatever_others_compute_in(call, tmp_path):
    narrow = ok(case("narrow", precision="tf32"), 5)
    rounds = [[ok(case("mkl"), 20), narrow], [bad(case("mkl"), "failed", "out of memory"), narrow]]
    frame = frame_of(exported(call, write_results(tmp_path / "run.jsonl", rounds), "csv")).set_index("kernel")
    assert frame.index.tolist() == ["mkl", "narrow"]
    assert frame.loc["mkl", ["status", "reason", "rounds"]].tolist() == ["ok", "out of memory", 1]
