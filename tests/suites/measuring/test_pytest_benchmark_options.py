"""pytest-benchmark's options work on our samples, or are refused by name with what to write."""

import json

import pytest
from running_pytest import QUICK, suites

from rsc_bench.suites.measuring.pytest_benchmark import refusal

TIMING = (
    "disable", "skip", "min-rounds", "min-time", "max-time", "calibration-precision", "warmup", "warmup-iterations", "timer",
    "disable-gc", "cprofile",
)  # fmt: skip
MEASURED = ("only", "enable", "json", "save", "autosave", "compare", "compare-fail", "histogram")


@pytest.mark.parametrize("name", TIMING)
@pytest.mark.parametrize("value", ["", "=3"])
def test_an_option_that_would_time_otherwise_is_refused_where_something_is_measured(name, value):
    found = refusal(["suites", f"--benchmark-{name}{value}"], measuring=True)
    assert found.startswith(f"--benchmark-{name} has no meaning here, for our clock takes the samples: leave it out; ")
    assert refusal([f"--benchmark-{name}{value}"], measuring=False) is None, "nothing is timed"


@pytest.mark.parametrize("name", MEASURED)
def test_an_option_for_what_was_measured_is_refused_where_nothing_is(name):
    rule = "must go with --benchmark: without it every case is checked once and nothing is timed"
    assert refusal([f"--benchmark-{name}=x"], measuring=False) == f"--benchmark-{name} {rule}"
    assert refusal([f"--benchmark-{name}=x"], measuring=True) is None


@pytest.mark.parametrize("name", ["columns", "sort", "group-by", "verbose", "quiet", "name", "storage", "netrc"])
def test_an_option_for_how_it_is_shown_works(name):
    assert refusal([f"--benchmark-{name}=x"], measuring=True) is None
    assert refusal([f"--benchmark-{name}=x"], measuring=False) is None


def test_a_refusal_is_one_line_and_status_2(warm_suites):
    done = warm_suites("--benchmark-json=out.json", *QUICK)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Exit: --benchmark-json must go with --benchmark: ")


def test_last_weeks_numbers_are_found_whatever_the_rounds_are(tmp_path, warm_suites):
    common = ["-k", "test_exact and mkl", "--benchmark", *QUICK, f"--benchmark-storage={tmp_path}/kept", "--benchmark-only"]
    first = warm_suites(*common, "--rounds", 1, "--results", tmp_path / "first.jsonl", "--benchmark-save=week")
    assert first.returncode == 0, first.stdout + first.stderr
    (kept,) = (tmp_path / "kept").rglob("*.json")
    (entry,) = json.loads(kept.read_text())["benchmarks"]
    assert entry["fullname"].endswith("test_exact.py::test_exact[small:random-d8-mkl]")
    kept.write_text(kept.read_text().replace(str(entry["stats"]["min"]), str(entry["stats"]["min"] / 1000)))
    again = ["--rounds", 2, "--results", tmp_path / "second.jsonl", "--benchmark-compare", "--benchmark-compare-fail=min:100%"]
    second = suites(*common, *again)  # pytest-benchmark ends pytest by an error of its own
    assert second.returncode != 0
    assert "Performance has regressed" in second.stdout + second.stderr
