"""What `pytest suites/ --benchmark` leaves behind, from one small run."""

import json
import re
import shutil
import signal
import subprocess
import time
from collections import Counter
from types import SimpleNamespace

import pytest
from running_pytest import NO_GPU, QUICK, ROOT, SMALL, command, tree

from rsc_bench.harness.records.file import read

MINE = """
from rsc_bench.kernels import Kernel
from rsc_bench.kernels.exact.torch_reduce import prepare
KERNEL = Kernel("mine", "cpu", "The kernel of a user.", prepare)
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory, warm_suites):
    """Two rounds with a user's own kernel and with one that cannot run here."""
    folder = tmp_path_factory.mktemp("run")
    (folder / "mine.py").write_text(MINE)
    options = ["--benchmark", *SMALL, "--kernel", folder / "mine.py", "--kernel", "cusparse", "--results", folder / "run.jsonl"]
    ended = warm_suites(*options, "--rounds", 2, "--benchmark-json", folder / "table.json")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return SimpleNamespace(
        folder=folder, options=options, output=ended.stdout, path=folder / "run.jsonl", results=read(folder / "run.jsonl")
    )


@pytest.fixture(scope="module")
def again(run, warm_suites):
    """The same run once more on a copy of its finished file."""
    path = shutil.copy(run.path, run.folder / "again.jsonl")
    ended = warm_suites(*run.options[:-1], path)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return read(path)


def kernels(records):
    return [record.case.kernel for record in records]


def test_the_file_begins_with_the_environment(run):
    first = json.loads(run.path.read_text().splitlines()[0])
    assert first["run"]["schema"] == 1
    assert {"cpu", "versions", "threads", "checkout"} <= set(first["run"]["environment"])


def test_every_case_ends_in_a_record_in_every_round(run):
    (first, one), (second, two) = run.results.rounds
    assert (first.index, first.of, second.index, second.of) == (1, 2, 2, 2)
    assert len(one) == len(two) == first.cases == second.cases
    assert [record.case for record in one] == [record.case for record in two], "round-major, in one order"
    assert len({record.case for record in one}) == len(one)


def test_a_users_kernel_is_measured_beside_the_exact_ones_with_its_topk(run):
    found = kernels(run.results.rounds[0][1])
    assert {"mkl", "torch_reduce", "cusparse", "mine"} <= set(found)
    assert found[-2:] == ["topk(mine)", "cached_topk(mine)"]
    assert {record.status for record in run.results.records if "mine" in record.case.kernel} == {"ok"}


def test_what_cannot_run_here_is_skipped_with_its_reason(run):
    skipped = [record for record in run.results.records if record.status == "skipped"]
    assert kernels(skipped) == ["cusparse"] * 2
    assert all(record.reason.startswith("no CUDA device") for record in skipped)
    assert "cusparse  skipped: no CUDA device" in run.output


def test_a_sampled_kernel_has_the_times_of_its_parts_and_an_exact_one_has_none(run):
    for record in run.results.records:
        if record.measurement is not None:
            sampled = record.case.budget is not None
            timing, matrix = record.measurement.timing, record.measurement.matrix
            assert (timing.select_s is not None) == (timing.multiply_s is not None) == sampled
            assert timing.calls_per_sample == (10 if record.case.kernel.startswith("cached_") else 1)
            assert (matrix.kept_nnz < matrix.nnz) == sampled


def test_each_case_is_one_line_while_it_runs_and_the_end_says_what_comes_next(run):
    lines = run.output.splitlines()
    cases = [line for line in lines if " left  small:random d=8 " in line]
    assert len(cases) == len(run.results.records)
    assert f"results: {run.path}" in lines
    (said,) = [line for line in lines if line.startswith("time:    ")]
    assert re.fullmatch(r"time:    0:\d\d, \d+ % of it in kernels \(tuning, .*\); outside: \d+ % .*", said)
    assert f"next:    python -m harness report {run.path}" in lines


def test_a_run_whose_cases_are_all_left_out_says_so(run, warm_suites):
    path = run.folder / "none.jsonl"
    ended = warm_suites("--benchmark", *SMALL, "--results", path, "-k", "nosuch")
    assert f"results: none: no case was measured, so {path} is removed again" in ended.stdout
    assert "next:" not in ended.stdout
    assert not path.exists()


def test_a_run_that_measures_nothing_leaves_the_file_that_it_would_have_added_to(run, warm_suites):
    path = run.folder / "more.jsonl"
    shutil.copy(run.path, path)
    ended = warm_suites("--benchmark", *SMALL, "--results", path, "-k", "nosuch")
    assert path.read_bytes() == run.path.read_bytes(), ended.stdout


def test_pytest_benchmark_shows_exactly_our_samples(run):
    table = json.loads((run.folder / "table.json").read_text())["benchmarks"]
    ours = {}
    for record in run.results.records:
        if record.measurement is not None:
            ours.setdefault(record.case.kernel, []).extend(record.measurement.timing.times_s)
    assert {entry["extra_info"]["kernel"]: entry["stats"]["data"] for entry in table} == ours
    assert len(table) == len(ours)
    assert all(entry["extra_info"]["results"] == str(run.path) for entry in table)


def test_running_again_on_a_finished_file_adds_one_round(run, again):
    assert [start.index for start, _ in again.rounds] == [1, 2, 3]
    assert [record.case for record in again.rounds[2][1]] == [record.case for record in again.rounds[0][1]]
    assert again.rounds[:2] == run.results.rounds, "what was there stays"


def test_a_killed_run_is_carried_on_with_no_case_twice(tmp_path, warm_suites):
    path = tmp_path / "run.jsonl"
    options = ["--benchmark", *SMALL, "--kernel", "topk(mkl)", "--rounds", 3, "--results", path]
    process = subprocess.Popen(command(*options), cwd=ROOT, env=NO_GPU, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for_records(path, 6, process)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    killed = read(path)
    planned = killed.rounds[0][0].cases
    assert 6 <= len(killed.records) < 3 * planned
    assert warm_suites(*options).returncode == 0
    found = read(path)
    assert [(start.index, start.of) for start, _ in found.rounds] == [(1, 3), (2, 3), (3, 3)]
    for _, records in found.rounds:
        assert len(records) == planned
        assert set(Counter(record.case for record in records).values()) == {1}
    assert found.records[: len(killed.records)] == killed.records


def wait_for_records(path, count, process):
    end = time.monotonic() + 120
    while time.monotonic() < end and process.poll() is None:
        if path.exists() and path.read_bytes().count(b'{"record"') >= count:
            return
        time.sleep(0.01)
    raise AssertionError("the run ended before it was killed")


def test_a_part_of_the_sweep_is_finished_when_that_part_is(tmp_path, warm_suites):
    options = ["-k", "test_exact and mkl", "--benchmark", *QUICK, "--results", tmp_path / "run.jsonl"]
    first, second = warm_suites(*options, "--rounds", 1), warm_suites(*options)
    assert first.returncode == second.returncode == 0
    assert "[1/1] round 1/1, 0:00 left" in first.stdout
    assert [(start.index, start.cases, len(records)) for start, records in read(options[-1]).rounds] == [(1, 1, 1), (2, 1, 1)]


def test_growth_is_measured_where_it_is_named_and_is_no_part_of_the_usual_sweep(tmp_path, warm_suites):
    options = ["--benchmark", "--graph", "small:hub", "--device", "cpu", "--in-process", "--rounds", 1, "--max-time", 0.01]
    named = tmp_path / "named.jsonl"
    widths = ["--width", 8, "--width", 16, "--budget", 0.2]
    ended = warm_suites("suites/test_growth.py", *options, *widths, "--results", named)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    found = {(record.case.suite, record.case.width, record.case.kernel, record.case.budget) for record in read(named).records}
    kernels = {("mkl", None), ("rows_numba", None), ("topk(rows_numba)", 0.2), ("cached_topk(rows_numba)", 0.2)}
    assert found == {("growth", width, *kernel) for width in (8, 16) for kernel in kernels}
    usual = tmp_path / "usual.jsonl"
    ended = warm_suites(*options, "--width", 8, "--budget", 0.2, "-k", "mkl", "--results", usual)
    assert {record.case.suite for record in read(usual).records} == {"exact", "sampled"}


def test_extrema_are_measured_where_they_are_named(tmp_path, warm_suites):
    options = ["--benchmark", "--graph", "small:empty-rows", "--device", "cpu", "--in-process", "--rounds", 1, "--max-time", 0.01]
    results = tmp_path / "run.jsonl"
    ended = warm_suites("suites/test_minmax.py", *options, "--width", 8, "-k", "torch_reduce", "--results", results)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "baselines that are not measured" not in ended.stdout
    assert [(r.case.suite, r.case.kernel, r.case.reduce, r.status) for r in read(results).records] == [
        ("minmax", "torch_reduce", "max", "ok")
    ]


def test_sddmm_is_measured_where_it_is_named_and_against_its_own(tmp_path, warm_suites):
    options = ["--benchmark", "--graph", "small:empty-rows", "--device", "cpu", "--in-process", "--rounds", 1, "--max-time", 0.01]
    results = tmp_path / "run.jsonl"
    ended = warm_suites("suites/test_sddmm.py", *options, "--width", 8, "-k", "torch or gather", "--results", results)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "baselines that are not measured" not in ended.stdout
    assert [(r.case.suite, r.case.kernel, r.status) for r in read(results).records] == [
        ("sddmm", name, "ok") for name in ("sddmm_gather", "sddmm_torch")
    ]


def test_a_graph_whose_contents_change_between_two_commands_is_another_case(tmp_path, warm_suites):
    path, results = tmp_path / "g.mtx", tmp_path / "run.jsonl"
    options = [
        "-k",
        "test_exact and mkl",
        "--benchmark",
        "--graph",
        path,
        "--width",
        8,
        "--rounds",
        1,
        "--results",
        results,
        "--in-process",
    ]
    for entries in ("3\n2 1\n3 2\n4 3\n", "4\n2 1\n3 2\n4 3\n4 1\n"):
        path.write_text(f"%%MatrixMarket matrix coordinate pattern symmetric\n4 4 {entries}")
        ended = warm_suites(*options)
        assert ended.returncode == 0, ended.stdout + ended.stderr
    first, second = read(results).records
    assert (first.measurement.matrix.nnz, second.measurement.matrix.nnz) == (6, 8)
    assert str(first.case) == str(second.case)
    assert first.case != second.case
    assert second.case.graph_digest == second.measurement.matrix.graph_digest


def test_a_cache_that_cannot_be_written_is_one_line_and_no_failure(tmp_path):
    results = tmp_path / "run.jsonl"
    (tmp_path / "file").write_text("")
    options = [
        "-k",
        "test_exact and mkl",
        "--benchmark",
        "--graph",
        "twin:flickr@0.005",
        "--width",
        8,
        "--results",
        results,
        "--in-process",
    ]
    command_line = command(*options, "--rounds", 1)
    environment = NO_GPU | {"RSC_BENCH_CACHE": str(tmp_path / "file" / "cache")}
    ended = subprocess.run(command_line, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert ended.stdout.count("set RSC_BENCH_CACHE to a folder that can be written") == 1


def test_a_run_without_benchmark_checks_and_writes_no_file(tmp_path, warm_suites):
    before = tree(ROOT / "results")
    one = ("--graph", "small:hub", "--width", 3, "--dtype", "float32", "--reduce", "sum", "--kernel", "topk(mkl)", "--budget", 0.5)
    ended = warm_suites(*one, "-k", "mkl and not test_training", "--results", tmp_path / "run.jsonl")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "4 passed" in ended.stdout, "mkl and topk(mkl), in suites of their own and in growth"
    assert tree(tmp_path) == {}
    assert tree(ROOT / "results") == before


@pytest.mark.parametrize("option", ["--help", "--version", "--collect-only", "--markers"])
def test_what_only_shows_something_begins_no_results_file(tmp_path, warm_suites, option):
    results = tmp_path / "run.jsonl"
    ended = warm_suites("--benchmark", *SMALL, "--results", results, option)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert not results.exists()
    assert "next:" not in ended.stdout
