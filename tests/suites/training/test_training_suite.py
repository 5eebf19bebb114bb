"""What `pytest suites/test_training.py --benchmark` leaves behind, from one small run."""

import os
import subprocess
import sys
from collections import Counter
from types import SimpleNamespace

import pytest
from running_pytest import NO_GPU, ROOT

pytest.importorskip("torch_geometric", reason="torch_geometric is not installed: pip install torch-geometric")

from rsc_bench.harness.records.file import read

SMALL = ("--width", 8, "--budget", 0.5, "--epochs", 3, "--seeds", 1, "--device", "cpu")


@pytest.fixture(scope="module")
def run(tmp_path_factory, warm_suites):
    """Trainings on a graph with one label, which leaves none to train on, then on one that has all it takes."""
    folder = tmp_path_factory.mktemp("training")
    (folder / "bare.csv").write_text("source,target\n0,1\n1,2\n2,0\n")
    (folder / "bare_features.csv").write_text("id,a\n0,1\n1,2\n2,3\n")
    (folder / "bare_target.csv").write_text("id,label\n0,1\n1,\n2,\n")
    options = ["suites/test_training.py", "--benchmark", "--graph", folder / "bare.csv", "--graph", "small:random", *SMALL]
    ended = warm_suites(*options, "--results", folder / "run.jsonl")
    return SimpleNamespace(
        folder=folder, options=options, ended=ended, path=folder / "run.jsonl", results=read(folder / "run.jsonl")
    )


def test_a_training_that_fails_is_a_record_with_its_reason_and_the_sweep_goes_on(run):
    assert run.ended.returncode == 1
    found = [(record.case.graph, record.case.kernel, record.status) for record in run.results.records]
    kernels = ["rows_numba", "pyg_edge_index", "pyg_csr", "cached_topk(rows_numba)"]
    wanted = [(graph, kernel, status) for graph, status in (("bare", "failed"), ("small:random", "ok")) for kernel in kernels]
    assert [each for each in found if each[1] != "pyg_torch_sparse"] == wanted
    rule = "the train mask must hold at least one node (got 0): give another split"
    assert run.results.records[0].reason == f"graph 'bare': {rule}"


def test_one_round_is_usual_for_trainings(run):
    assert [(start.index, start.of, start.cases) for start, _ in run.results.rounds] == [(1, 1, 10)]


def test_each_training_is_one_line_and_a_log_file_holds_no_more(run):
    shown = [line for line in run.ended.stdout.splitlines() if " left  " in line]
    assert len(shown) == 10
    assert "small:random GCN cached_topk(rows_numba) C=0.5 seed 0  " in shown[9]
    assert "test accuracy 0." in shown[9]
    assert "\r" not in run.ended.stdout
    assert "epoch 1/3" not in run.ended.stdout


def test_a_finished_training_points_to_the_page_and_to_recommend(run):
    ends = [f"next:    python -m harness {command} {run.path}" for command in ("report", "recommend")]
    assert [line for line in run.ended.stdout.splitlines() if line.startswith("next:")] == ends


def test_a_killed_sweep_is_carried_on_with_no_training_twice(run, warm_suites):
    path = run.folder / "killed.jsonl"
    lines = run.path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-1]) + lines[-1][:100])  # as SIGKILL leaves it in the middle of the last record
    assert warm_suites(*run.options, "--results", path).returncode == 0, "what had failed is not run again"
    ((_, records),) = read(path).rounds
    assert set(Counter(record.case for record in records).values()) == {1}
    assert [record.case for record in records] == [record.case for record in run.results.records]


@pytest.mark.skipif(os.name != "posix", reason="a pseudo-terminal is a POSIX thing")
def test_on_a_terminal_a_training_shows_how_far_it_is(tmp_path):
    import pty

    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "pytest", "suites/test_training.py", "-p", "no:cacheprovider", "--benchmark", "--graph"]
    options = ["small:random", *map(str, SMALL), "--in-process", "--results", str(tmp_path / "run.jsonl"), "-k", "cached"]
    process = subprocess.Popen([*command, *options], cwd=ROOT, env=NO_GPU, stdout=theirs, stderr=theirs)
    os.close(theirs)
    assert "epoch 1/3, loss" in drained(ours)
    assert process.wait() == 0


def drained(terminal):
    """All that was written to a terminal, until the other side is closed."""
    text = b""
    while True:
        try:
            part = os.read(terminal, 65536)
        except OSError:  # Linux says so where nobody has the other side open any more
            part = b""
        if not part:
            return text.decode()
        text += part
