"""The records of the suite of the harness itself, whatever becomes of the processes that they are made in."""

import json

import pytest
from made_runs import ok, written
from running_pytest import NO_GPU

from rsc_bench import caches
from rsc_bench.harness.metrics.outside import outside_share
from rsc_bench.harness.records.file import read
from rsc_bench.suites.itself import runs
from rsc_bench.suites.itself.records import Records, measurement
from rsc_bench.suites.itself.sweep import HarnessSetting, Observed

TWIN = HarnessSetting("graph_made", "twin:reddit2@0.01", "twin:reddit2@0.01")


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv(caches.PLACE, str(tmp_path / "cache"))
    return tmp_path / "cache"


def ignore(seconds):
    pass


def test_a_record_is_made_in_a_process_of_its_own_and_its_folder_goes_with_the_run(tmp_path, cache):
    records = Records(tmp_path / "log", limit_s=300)
    record = records.record(TWIN, ignore)
    assert record.status == "ok", record.reason
    assert (record.case, record.measurement.matrix.nnz, record.measurement.timing.stop) == (TWIN.case(), 232_138, "samples")
    assert len(list((cache / "graphs").iterdir())) == 1, "the user's own graphs are left alone"
    records.close()
    assert list((cache / "graphs").iterdir()) == []


def test_what_goes_wrong_in_the_process_is_the_reason(tmp_path, cache):
    records = Records(tmp_path / "log", limit_s=300)
    small = HarnessSetting("graph_cached", "small:hub", "small:hub")
    assert records.record(small, ignore).status == "skipped"
    absent = HarnessSetting("graph_made", "twin:nosuch", "twin:nosuch")
    record = records.record(absent, ignore)
    assert (record.status, record.measurement) == ("failed", None)
    assert "graph 'twin:nosuch' is not known" in record.reason


def test_a_case_over_its_time_limit_has_failed(tmp_path, cache, monkeypatch):
    record = Records(tmp_path / "log", limit_s=0.0).record(TWIN, ignore)
    assert (record.status, record.reason) == ("failed", "over its time limit of 0 s")


def test_without_a_cache_nothing_is_read_from_it(tmp_path):
    cached = HarnessSetting("graph_cached", "twin:reddit2@0.01", "twin:reddit2@0.01")
    record = Records(tmp_path / "log", limit_s=1.0, on_disk=False).record(cached, ignore)
    assert (record.status, record.reason) == ("skipped", "--no-cache: nothing is kept on disk that it could be read from")


def test_what_was_observed_of_a_sweep_says_how_much_of_it_was_outside_of_kernels():
    found = measurement(Observed(times_s=[10.0], prepare_s=0.0, spent_s={"kernel": 8.0, "check": 1.0, "processes": 1.0}))
    assert outside_share(found.timing.spent_s) == pytest.approx(0.2)
    assert measurement(Observed(times_s=[10.0], prepare_s=0.0)).timing.spent_s is None


def test_fewer_cases_than_asked_for_are_an_error(monkeypatch):
    monkeypatch.setattr(runs, "_collect", lambda setting, widths: (1.0, 26 if widths == 1 else 51))
    setting = HarnessSetting("collect", "small:random", "52 cases", size=52)
    with pytest.raises(RuntimeError, match="52 cases must be collected at least"):
        runs.collect(setting)


def test_a_run_that_names_the_suite_measures_it_into_a_file_like_any_other(tmp_path, warm_suites, call):
    path = tmp_path / "run.jsonl"
    options = ("--benchmark", "--graph", "twin:reddit2@0.01", "--results", path, "--rounds", 2, "-k", "graph")
    ended = warm_suites("suites/test_harness.py", *options)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    run = read(path)
    tasks = ["graph_made", "graph_cached"]
    assert [record.case.kernel for record in run.records] == 2 * tasks
    assert {record.status for record in run.records} == {"ok"}
    assert "twin:reddit2@0.01 graph_made  " in ended.stdout
    assert "time:" not in ended.stdout, "no kernel was called"
    assert list((caches.folder() / "graphs").glob(".draft-harness-*")) == []
    status, out, _ = call("compare", path, path, "--json")
    assert (status, len(json.loads(out)["verdicts"])) == (0, 2)
    assert NO_GPU["RSC_BENCH_CACHE"] == str(caches.folder())


def test_a_sweep_says_where_its_time_went(tmp_path):
    setting = HarnessSetting("sweep", "small:random", "sweep of small:random", 8, quick=True)
    found = runs.sweep(setting, tmp_path)
    assert sum(found.spent_s.values()) == pytest.approx(found.times_s[0])
    assert {"kernel", "reference", "check", runs.PROCESSES} <= found.spent_s.keys()
    assert 0 < found.spent_s["kernel"] < found.times_s[0]


@pytest.mark.parametrize(
    ("metric", "values", "status"),
    [("time", (2.0, 2.02), 0), ("time", (2.0, 3.0), 1), ("outside", (1.0, 1.02), 0), ("outside", (1.0, 2.0), 1)],
)
def test_a_harness_that_has_become_slower_is_an_exit_status(tmp_path, call, metric, values, status):
    def measured(name, value):
        seconds, check_s = (value, 1.0) if metric == "time" else (2.0, value)
        of = HarnessSetting("sweep", "twin:reddit2", "sweep of twin:reddit2", 64).case()
        records = [[ok(of, seconds * (1 + index / 1000), spent_s={"kernel": 9.0, "check": check_s})] for index in range(3)]
        return written(tmp_path / name, *records)

    base, new = map(measured, ("base.jsonl", "new.jsonl"), values)
    assert call("compare", base, new, "--metric", metric)[0] == status
