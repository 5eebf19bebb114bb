"""What `pytest suites/ --benchmark` leaves behind, from one small run."""

import json
import shutil
import signal
import subprocess
import time
from collections import Counter
from types import SimpleNamespace

import pytest
from running_pytest import NO_GPU, ROOT, SMALL, command, suites, tree

from rsc_bench.harness.records.file import ResultsError, read
from rsc_bench.harness.records.run import Record
from rsc_bench.suites import runner as running
from rsc_bench.suites.options import Options
from rsc_bench.suites.runner import Runner
from rsc_bench.suites.session import Session

MINE = """
from rsc_bench.kernels import Kernel
from rsc_bench.kernels.exact.torch_reduce import prepare
KERNEL = Kernel("mine", "cpu", "The kernel of a user.", prepare)
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Two rounds with a user's own kernel and with one that cannot run here."""
    folder = tmp_path_factory.mktemp("run")
    (folder / "mine.py").write_text(MINE)
    options = ["--benchmark", *SMALL, "--kernel", folder / "mine.py", "--kernel", "cusparse", "--results", folder / "run.jsonl"]
    ended = suites(*options, "--rounds", 2, "--benchmark-json", folder / "table.json")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return SimpleNamespace(
        folder=folder, options=options, output=ended.stdout, path=folder / "run.jsonl", results=read(folder / "run.jsonl")
    )


@pytest.fixture(scope="module")
def again(run):
    """The same run once more on a copy of its finished file."""
    path = shutil.copy(run.path, run.folder / "again.jsonl")
    ended = suites(*run.options[:-1], path)
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
            assert (record.measurement.select_s is not None) == (record.measurement.multiply_s is not None) == sampled
            assert record.measurement.calls_per_sample == (10 if record.case.kernel.startswith("cached_") else 1)
            assert (record.measurement.kept_nnz < record.measurement.nnz) == sampled


def test_each_case_is_one_line_while_it_runs_and_the_end_says_what_comes_next(run):
    lines = run.output.splitlines()
    told = [line for line in lines if " left  small:random d=8 " in line]
    assert len(told) == len(run.results.records)
    assert f"results: {run.path}" in lines
    assert f"next:    python -m harness report {run.path}" in lines


def test_pytest_benchmark_shows_exactly_our_samples(run):
    table = json.loads((run.folder / "table.json").read_text())["benchmarks"]
    ours = {}
    for record in run.results.records:
        if record.measurement is not None:
            ours.setdefault(record.case.kernel, []).extend(record.measurement.times_s)
    assert {entry["extra_info"]["kernel"]: entry["stats"]["data"] for entry in table} == ours
    assert len(table) == len(ours)
    assert all(entry["extra_info"]["results"] == str(run.path) for entry in table)


def test_running_again_on_a_finished_file_adds_one_round(run, again):
    assert [start.index for start, _ in again.rounds] == [1, 2, 3]
    assert [record.case for record in again.rounds[2][1]] == [record.case for record in again.rounds[0][1]]
    assert again.rounds[:2] == run.results.rounds, "what was there stays"


def test_a_killed_run_is_carried_on_with_no_case_twice(tmp_path):
    path = tmp_path / "run.jsonl"
    options = ["--benchmark", *SMALL, "--kernel", "topk(mkl)", "--rounds", 3, "--results", path]
    process = subprocess.Popen(command(*options), cwd=ROOT, env=NO_GPU, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for_records(path, 6, process)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    held = read(path)
    planned = held.rounds[0][0].cases
    assert 6 <= len(held.records) < 3 * planned
    assert suites(*options).returncode == 0
    found = read(path)
    assert [(start.index, start.of) for start, _ in found.rounds] == [(1, 3), (2, 3), (3, 3)]
    for _, records in found.rounds:
        assert len(records) == planned
        assert set(Counter(record.case for record in records).values()) == {1}
    assert found.records[: len(held.records)] == held.records


def wait_for_records(path, count, process):
    end = time.monotonic() + 120
    while time.monotonic() < end and process.poll() is None:
        if path.exists() and path.read_bytes().count(b'{"record"') >= count:
            return
        time.sleep(0.01)
    raise AssertionError("the run ended before it was killed")


def test_a_part_of_the_sweep_is_finished_when_that_part_is(tmp_path):
    options = ["-k", "test_exact and mkl", "--benchmark", *SMALL, "--results", tmp_path / "run.jsonl"]
    first, second = suites(*options, "--rounds", 1), suites(*options)
    assert first.returncode == second.returncode == 0
    assert "[1/1] round 1/1, 0:00 left" in first.stdout
    assert [(start.index, start.cases, len(records)) for start, records in read(options[-1]).rounds] == [(1, 1, 1), (2, 1, 1)]


def test_a_run_without_benchmark_checks_and_writes_no_file(tmp_path):
    before = tree(ROOT / "results")
    ended = suites("--graph", "small:hub", "--width", 3, "--kernel", "topk(mkl)", "--results", tmp_path / "run.jsonl")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert " passed" in ended.stdout
    assert tree(tmp_path) == {}
    assert tree(ROOT / "results") == before


def test_a_file_that_takes_no_more_ends_the_run_in_one_line(monkeypatch):
    class Full:
        def append(self, record, index):
            raise ResultsError("run.jsonl: cannot be written (the disk is full): give another --results path")

    session = Session(Options(benchmark=True, graphs=("small:hub",), widths=(3,), kernels=("mkl",), device="cpu"))
    setting = session.settings[0]
    monkeypatch.setattr(running, "attempt", lambda case, *rest: Record(case=case, status="failed", reason="whatever"))
    with pytest.raises(pytest.exit.Exception, match="the disk is full") as caught:
        Runner(session, setting, request=None, rounds=Full(), round_index=1)()
    assert caught.value.returncode == 2
