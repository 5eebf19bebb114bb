import json
import math
import subprocess
import sys

import msgspec
import pytest

pytest.importorskip("click", reason="click is not installed: pip install click")
pytest.importorskip("pytest_benchmark", reason="pytest-benchmark is not installed: pip install pytest-benchmark")

from made_runs import case, not_ok, ok, written

from rsc_bench.harness.metrics import Baselines
from rsc_bench.harness.metrics.speedup import SPEEDUP
from rsc_bench.harness.records.file import ResultsError, read
from rsc_bench.harness.records.pytest_benchmark import exporting, foreign, importing

# What pytest-benchmark 5.3.1 writes of two tests (its own names; cut down to what matters here).
MACHINE = {
    "node": "box",
    "machine": "x86_64",
    "python_version": "3.12.4",
    "system": "Linux",
    "release": "6.1",
    "cpu": {"brand_raw": "Example 9000", "count": 8, "hz_actual": [2, 0]},
}


def benchmark(fullname, *data, group=None, **parts):
    ordered = sorted(data)
    stats = {"min": ordered[0], "q1": ordered[0], "median": ordered[len(data) // 2], "q3": ordered[-1], "max": ordered[-1]}
    stats |= {"rounds": len(data), "iterations": 7, "data": list(data)}
    return {"fullname": fullname, "group": group, "params": None, "options": {"timer": "perf_counter"}, "stats": stats, **parts}


def document(*benchmarks, minute=0, **parts):
    commit = {"id": "c0ffee", "dirty": False, "time": None}
    given = {"machine_info": MACHINE, "commit_info": commit, "datetime": f"2026-01-01T00:{minute:02}:00+00:00", "version": "5.3.1"}
    return {"benchmarks": list(benchmarks), **given, **parts}


@pytest.fixture
def saved(tmp_path):
    """Writes a document."""

    def file(name, tree):
        (tmp_path / name).write_text(json.dumps(tree))
        return tmp_path / name

    return file


def without_samples(tree):
    for each in tree["benchmarks"]:
        each["stats"].pop("data")
    return tree


def run_of_everything(path):
    """Two rounds: exact and sampled, one that fails, one that is skipped at first."""
    sampled = case("topk(mkl)", suite="sampled", budget=0.1)
    first = [ok(case(), 2.0, 1.0, calls_per_sample=10), ok(sampled, 0.25, select_s=[0.5]), not_ok(case("bad"), "wrong", "no")]
    second = [ok(case(), 3.0), not_ok(sampled, "skipped", "no room")]
    return written(path, first, second)


def test_what_is_exported_comes_back_line_by_line(call, tmp_path):
    path = run_of_everything(tmp_path / "run.jsonl")
    assert call("export", path) == (0, f"{tmp_path / 'run.json'}\n", "")
    assert call("import", tmp_path / "run.json", "--results", tmp_path / "again.jsonl")[0] == 0
    old, new = read(path), read(tmp_path / "again.jsonl")
    assert new.environment == old.environment
    assert [records for _, records in new.rounds] == [records for _, records in old.rounds]


def test_a_benchmark_has_the_samples_of_all_rounds_and_their_statistics(tmp_path):
    exact, sampled = exporting.document(read(run_of_everything(tmp_path / "run.jsonl")))["benchmarks"]
    assert exact["stats"]["data"] == [2.0, 1.0, 3.0]
    assert (exact["stats"]["min"], exact["stats"]["median"], exact["stats"]["max"]) == (1.0, 2.0, 3.0)
    assert (exact["stats"]["rounds"], exact["stats"]["ops"]) == (3, 0.5)
    assert exact["group"] == sampled["group"] == "twin:flickr d=8 float32 cpu"
    kept_run = written(tmp_path / "kept.jsonl", [ok(case("mkl", freed_memory="kept"), 1.0)])
    (kept,) = exporting.document(read(kept_run))["benchmarks"]
    assert kept["group"] == "twin:flickr d=8 float32 cpu freed_memory=kept"
    assert (exact["name"], sampled["name"]) == ("mkl", "topk(mkl) C=0.1")


def test_pytest_benchmark_compares_two_exports(call, tmp_path):
    files = []
    for name in ("base", "new"):
        call("export", run_of_everything(tmp_path / f"{name}.jsonl"))
        files.append(str(tmp_path / f"{name}.json"))
    code = "import sys; from pytest_benchmark.cli import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", code, "compare", *files], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert done.stdout.count("topk(mkl) C=0.1") == 2
    assert "benchmark 'twin:flickr d=8 float32 cpu': 4 tests" in done.stdout


def test_a_run_without_a_time_is_not_exported(call, tmp_path):
    path = written(tmp_path / "run.jsonl", [not_ok(case(), "failed", "no")])
    status, _, err = call("export", path)
    assert (status, err.count("\n")) == (2, 1)
    assert "no case has a time" in err


def test_an_export_replaces_an_export_and_nothing_else(call, tmp_path):
    path = run_of_everything(tmp_path / "run.jsonl")
    assert [call("export", path)[0] for _ in range(2)] == [0, 0]
    (tmp_path / "mine.json").write_text("{}")
    status, _, err = call("export", path, "--output", tmp_path / "mine.json")
    assert status == 2
    assert "is not replaced" in err


def test_every_file_is_a_round_in_the_order_of_their_times(call, saved, tmp_path):
    files = [saved(f"{minute}.json", document(benchmark("a.py::test_a", 1.0 + minute), minute=minute)) for minute in (2, 0, 1)]
    assert call("import", *files, "--results", tmp_path / "r.jsonl") == (0, f"{tmp_path / 'r.jsonl'}: 3 rounds\n", "")
    run = read(tmp_path / "r.jsonl")
    assert [(start.index, records[0].measurement.timing.times_s) for start, records in run.rounds] == [
        (1, [1.0]),
        (2, [2.0]),
        (3, [3.0]),
    ]


def test_a_later_file_adds_a_round_and_one_of_before_is_refused(call, saved, tmp_path):
    first, later = (saved(f"{minute}.json", document(benchmark("a.py::test_a", 1.0), minute=minute)) for minute in (0, 1))
    results = ("--results", tmp_path / "r.jsonl")
    assert [call("import", first, *results)[0], call("import", later, *results)[0]] == [0, 0]
    assert len(read(tmp_path / "r.jsonl").rounds) == 2
    status, _, err = call("import", first, *results)
    assert status == 2
    assert err.endswith("is in " + str(tmp_path / "r.jsonl") + " already: leave the file out\n")


def test_files_of_two_machines_or_commits_do_not_mix(call, saved, tmp_path):
    here = saved("here.json", document(benchmark("a.py::test_a", 1.0)))
    other = document(benchmark("a.py::test_a", 1.0), minute=1, machine_info={**MACHINE, "cpu": {"brand_raw": "Other"}})
    status, _, err = call("import", here, saved("there.json", other), "--results", tmp_path / "r.jsonl")
    assert status == 2
    assert "(cpu.model, cpu.logical_cores): leave it out, or import it on its own" in err
    assert not (tmp_path / "r.jsonl").exists()


def test_a_foreign_benchmark_is_known_by_its_test_its_group_and_its_width():
    made = document(
        benchmark("t/a.py::test_a[8]", 1.0, params={"width": 8, "dtype": "float32"}),
        benchmark("t/a.py::test_b", 1.0, group="sorting"),
        benchmark("t/a.py::test_c", 1.0, params={"width": "wide"}),
    )
    cases = [record.case for record in foreign.records(msgspec.convert(made, foreign.Document))]
    assert [(each.graph, each.kernel, each.width) for each in cases] == [
        ("t/a.py", "test_a[8]", 8),
        ("sorting", "t/a.py::test_b", 0),
        ("t/a.py", "test_c", 0),
    ]
    assert str(cases[1]) == "pytest-benchmark sorting any cpu perf_counter t/a.py::test_b"


def speedups(*benchmarks):
    """Against what each benchmark has a speedup, in the metric's own words; None of one that has none."""
    found = foreign.records(msgspec.convert(document(*benchmarks), foreign.Document))
    quoted = [Baselines(found).of(SPEEDUP, record.case) for record in found]
    return [entry and entry[0] for entry in quoted]


def test_a_benchmark_is_faster_than_those_of_its_own_group_alone():
    assert speedups(benchmark("a.py::test_a", 1.0), benchmark("a.py::test_b", 2.0), benchmark("a.py::T::test_c", 3.0)) == [None] * 3
    grouped = benchmark("a.py::test_a", 1.0, group="sort"), benchmark("b.py::test_b", 2.0, group="sort")
    assert speedups(*grouped, benchmark("a.py::test_c", 0.5, group="other"), benchmark("a.py::test_d", 0.1)) == [
        "a.py::test_a",
        "a.py::test_a",
        "a.py::test_c",
        None,
    ]


def test_less_work_is_no_speed_but_another_choice_is():
    sizes = [benchmark(f"a.py::test_a[{n}]", n / 100, group="sort", params={"n": n, "stable": True}) for n in (10, 1000)]
    assert speedups(*sizes) == ["a.py::test_a[10]", "a.py::test_a[1000]"]
    ways = [benchmark(f"a.py::test_a[{way}]", 1.0 + way, group="sort", params={"way": str(way), "up": way > 0}) for way in (0, 1)]
    assert speedups(*ways) == ["a.py::test_a[0]"] * 2


def test_samples_come_in_as_they_are_and_nothing_is_made_up_beside_them():
    record = foreign.records(msgspec.convert(document(benchmark("a.py::test_a", 3.0, 1.0, 2.0)), foreign.Document))[0]
    measured = record.measurement
    assert (measured.timing.times_s, measured.timing.calls_per_sample) == ([3.0, 1.0, 2.0], 7)
    assert (measured.timing.prepare_s, measured.timing.select_s) == (None, None)
    assert (measured.accuracy, measured.memory, measured.gpu, measured.training, measured.imported) == (None,) * 5


def test_without_samples_five_numbers_stand_for_them_and_it_is_said(call, saved, tmp_path):
    made = without_samples(document(benchmark("a.py::test_a", *map(float, range(1, 8))), benchmark("a.py::test_once", 4.0)))
    status, out, _ = call("import", saved("a.json", made), "--results", tmp_path / "r.jsonl")
    assert status == 0
    assert "2 benchmarks were saved without samples" in out
    many, once = (record.measurement for record in read(tmp_path / "r.jsonl").records)
    assert (many.timing.times_s, many.imported.summarised_samples) == ([1.0, 1.0, 4.0, 7.0, 7.0], 7)
    assert (once.timing.times_s, once.imported.summarised_samples) == ([4.0], 1)


def test_a_time_of_zero_is_a_failure_with_its_reason():
    record = foreign.records(msgspec.convert(document(benchmark("a.py::test_a", 0.0)), foreign.Document))[0]
    assert (record.status, record.reason) == ("failed", "times_s must be positive, finite and not empty (got [0.0])")


def test_no_metric_makes_a_number_of_what_a_foreign_benchmark_does_not_say():
    from rsc_bench.plugins import load

    record = foreign.records(msgspec.convert(document(benchmark("a.py::test_a[8]", 1.0, params={"width": 8})), foreign.Document))[0]
    metrics = load("metric")
    known = {name for name in metrics if metrics[name].value(record.case, record.measurement, None, None) is not None}
    assert known == {"latency", "median", "multiply"}


@pytest.mark.parametrize(
    ("content", "summary"),
    [
        ("{", "is no JSON"),
        ("[]", "is not of pytest-benchmark (Expected `object`, got `array`)"),
        ('{"benchmarks": []}', "is not of pytest-benchmark (Object missing required field `datetime`)"),
        (json.dumps(document({"fullname": "a", "stats": {}})), "Object missing required field `min` - at `$.benchmarks[0].stats`"),
    ],
)
def test_a_file_of_something_else_is_one_line(call, tmp_path, content, summary):
    (tmp_path / "a.json").write_text(content)
    status, _, err = call("import", tmp_path / "a.json", "--results", tmp_path / "r.jsonl")
    assert (status, err.count("\n")) == (2, 1)
    assert summary in err
    assert not (tmp_path / "r.jsonl").exists()


def test_an_export_that_was_changed_by_hand_is_refused(tmp_path, saved):
    tree = msgspec.to_builtins(exporting.document(read(run_of_everything(tmp_path / "run.jsonl"))))
    tree["benchmarks"][0]["stats"]["data"].pop()
    with pytest.raises(ResultsError, match="samples of exact twin:flickr d=8 float32 cpu host mkl were taken out"):
        importing.read(saved("short.json", tree))
    tree["benchmarks"][0]["stats"]["data"] += [1.0, 1.0]
    with pytest.raises(ResultsError, match="it has samples of no round"):
        importing.read(saved("long.json", tree))


def test_a_number_that_is_none_is_absent(saved):
    tree = document(benchmark("a.py::test_a", 1.0) | {"extra_info": {"speedup": math.nan, "width": math.inf, "device": math.nan}})
    path = saved("saved.json", tree)
    assert "NaN" in path.read_text()
    ((_, (record,)),) = importing.read(path).rounds
    assert (record.status, record.case.width, record.case.device) == ("ok", 0, "cpu")


def test_a_time_that_is_none_is_a_failure_with_its_reason(saved):
    for time_s in (math.nan, math.inf):
        ((_, (record,)),) = importing.read(saved("saved.json", document(benchmark("a.py::test_a", time_s)))).rounds
        assert (record.status, record.reason) == ("failed", "its times must be numbers (got NaN or infinity)")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda tree: tree["rsc_bench"]["rounds"][0]["records"][0]["measurement"].update(times_s="many"),
        lambda tree: tree["rsc_bench"]["rounds"][0]["records"][0].update(measurement=[]),
        lambda tree: tree["rsc_bench"]["rounds"][0]["records"][0].update(case=None),
        lambda tree: tree["rsc_bench"]["rounds"][0]["round"].update(index=-1),
        lambda tree: tree["benchmarks"][0].update(params=None),
        lambda tree: tree["benchmarks"][0]["stats"].update(data=[math.nan]),
        lambda tree: tree["benchmarks"][0].update(fullname=7),
    ],
)
def test_an_export_that_was_changed_is_one_line(tmp_path, saved, spoil):
    tree = exporting.document(read(written(tmp_path / "run.jsonl", [ok(case("mkl"), 1.0)])))
    spoil(tree)
    with pytest.raises(ResultsError, match=r"saved.json: is not of pytest-benchmark \(.*\): give a file of"):
        importing.read(saved("saved.json", tree))


@pytest.mark.parametrize(
    "part", [{"datetime": "x" * 5000}, {"machine_info": {"node": "x" * 200_000}}, {"benchmarks": [benchmark("x" * 5000, 1.0)]}]
)
def test_texts_without_end_are_one_line_and_no_file(call, saved, tmp_path, part):
    status, out, err = call("import", saved("saved.json", document() | part), "--results", tmp_path / "new.jsonl")
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert not (tmp_path / "new.jsonl").exists()


def test_an_environment_of_another_shape_is_exported(tmp_path):
    run = read(written(tmp_path / "run.jsonl", [ok(case("mkl"), 1.0)], environment={"cpu": 1.0, "os": [], "checkout": "none"}))
    assert exporting.document(run)["machine_info"]["cpu"] == {"brand_raw": None, "count": None}
