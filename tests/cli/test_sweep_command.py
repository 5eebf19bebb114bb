"""`sweep`: plans, measures, carries on; bad usage and bad files are one line and status 2."""

import json
import re
import subprocess
import sys
import time

import pytest
from running_pytest import NO_GPU, ROOT

pytest.importorskip("click", reason="click is not installed: pip install click")

from rsc_bench.cli import main
from rsc_bench.harness.records.file import read as read_results

TEXT = """
[products]
device = "cpu"
suite = "exact"
graph = "small:random"
width = [8, 16]
kernel = "rows_numba"
max-time = 0.02
min-samples = 3
leave-out = ["kept", "mkl", "scipy"]
rounds = 2
"""
BROKEN = """
from rsc_bench.kernels import Kernel

def prepare(matrix, width, dtype, **kwargs):
    return lambda dense: dense.new_zeros(matrix.shape[0], width)

KERNEL = Kernel(name="broken", summary="Nothing at all.", exact=True, device="cpu", prepare=prepare)
"""


@pytest.fixture
def study(tmp_path, monkeypatch):
    """The path of a study of two cases and two rounds, in the current folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "study.toml").write_text(TEXT)
    return tmp_path / "study.toml"


def run(capsys, *arguments):
    status = main(["sweep", *map(str, arguments)])
    out, err = capsys.readouterr()
    return status, out.splitlines(), err.splitlines()


def tree(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_plan_says_what_is_left_and_writes_nothing(study, tmp_path, capsys):
    status, lines, errors = run(capsys, "study.toml", "--plan")
    assert (status, errors) == (0, [])
    assert lines[0] == "study study: 1 block, results in results/study"
    assert lines[1].startswith("  [products] 4 cases, 2 rounds: 0 of 8 done, 8 left, about ")
    assert lines[2].startswith("    small:random: 8 measurements, about ")
    assert lines[3] == "    into results/study/products.jsonl"
    assert lines[4].startswith("  in all about ")
    assert tree(tmp_path) == ["study.toml"]


def test_the_plan_that_the_guide_prints_is_that_of_the_example(tmp_path, monkeypatch, capsys):
    pytest.importorskip("torch_geometric", reason="torch_geometric is not installed: pip install torch-geometric")
    monkeypatch.chdir(tmp_path)
    status, lines, errors = run(capsys, ROOT / "examples" / "study.toml", "--plan")
    assert (status, errors) == (0, [])
    guide = (ROOT / "docs" / "how-to" / "use-a-cluster.md").read_text()
    shown = guide.partition("sweep study.toml --plan\n")[2].partition("\n```")[0].splitlines()
    # How many baselines there are, and how fast the machine is, differs from one to the next.
    assert [re.sub(r"[\d,]+", "0", line).partition(", about")[0] for line in lines[:-1]] == [
        re.sub(r"[\d,]+", "0", line).partition(", about")[0] for line in shown[:-1]
    ]


def test_it_measures_says_what_comes_next_and_does_nothing_twice(study, tmp_path, capsys):
    status, lines, errors = run(capsys, "study.toml", "--results", "out")
    assert (status, errors) == (0, []), lines
    assert lines[-2:] == ["results: out/products.jsonl", "next:    rsc-bench report out/products.jsonl"]
    results = tmp_path / "out" / "products.jsonl"
    found = read_results(results)
    assert [(start.index, start.of, start.cases, len(records)) for start, records in found.rounds] == [(1, 2, 4, 4), (2, 2, 4, 4)]
    assert found.rounds[0][0].options[:3] == ["exact", "--device", "cpu"]
    before = results.read_bytes()
    status, lines, _ = run(capsys, "study.toml", "--results", "out")
    assert status == 0
    assert "  all is done" in lines
    assert lines[-1] == "next:    rsc-bench report out/products.jsonl"
    assert results.read_bytes() == before
    results.write_bytes(before[: before.rindex(b"\n", 0, -1) - 40])  # killed while it wrote the seventh record
    status, lines, _ = run(capsys, "study.toml", "--results", "out", "--plan")
    assert "6 of 8 done, 2 left" in lines[1]
    assert run(capsys, "study.toml", "--results", "out")[0] == 0
    again = read_results(results)
    assert [[record.case for record in records] for _, records in again.rounds] == [
        [record.case for record in records] for _, records in found.rounds
    ]


def test_a_results_file_of_another_environment_is_one_line(study, tmp_path, capsys):
    folder = tmp_path / "results" / "study"
    folder.mkdir(parents=True)
    (folder / "products.jsonl").write_text(json.dumps({"run": {"schema": 1, "environment": {"cpu": {"model": "other"}}}}) + "\n")
    before = tree(tmp_path)
    status, _, errors = run(capsys, "study.toml")
    assert status == 2
    assert len(errors) == 1
    assert errors[0].startswith("error: results/study/products.jsonl: holds a run of another environment (")
    assert errors[0].endswith(" differ): give a new --results file")
    assert tree(tmp_path) == before


def test_a_results_file_that_is_none_is_one_line(study, tmp_path, capsys):
    folder = tmp_path / "results" / "study"
    folder.mkdir(parents=True)
    (folder / "products.jsonl").write_text("notes\n")
    status, _, errors = run(capsys, "study.toml", "--plan")
    assert (status, len(errors)) == (2, 1)
    assert errors[0].startswith("error: results/study/products.jsonl: ")
    assert (folder / "products.jsonl").read_text() == "notes\n"


def test_a_results_folder_that_is_a_file_is_one_line(study, tmp_path, capsys):
    (tmp_path / "taken").write_text("")
    status, _, errors = run(capsys, "study.toml", "--results", "taken/here")
    assert (status, errors) == (
        2,
        ["error: taken/here: cannot be made (taken is a file, not a folder): give another --results folder"],
    )


@pytest.mark.parametrize("value", ["0/3", "4/3", "3", "a/b", "1/2/3", "-1/3", "1/0", "", "1/9999999999", "\u0661/\u0663"])
def test_a_part_that_is_none_is_one_line(study, capsys, value):
    status, _, errors = run(capsys, "study.toml", f"--part={value}")
    assert status == 2
    assert errors == [f"error: --part must be I/N with I from 1 to N (got {value!r}): 3/8 is the third of eight shares"]


@pytest.mark.parametrize(("arguments", "message"), [
    (["--cores", "2"], "--cores must go with --ray (got 2): `taskset` chooses the cores of this process alone"),
    (["--ray", "local", "--cores", "0"], "--cores must be at least 1 (got 0): leave it out for all cores of a node"),
    (["--ray", "local", "--part", "1/2"], "--part must go without --ray, which shares the whole study out: leave one of them out"),
    (["none.toml"], "'none.toml' is no option of this command: what stands behind -- is for --submit slurm"),
])  # fmt: skip
def test_options_that_do_not_go_together_are_one_line(study, capsys, arguments, message):
    assert run(capsys, "study.toml", *arguments) == (2, [], [f"error: {message}"])


def test_a_study_that_cannot_be_used_is_one_line(study, capsys):
    study.write_text("[products]\nbudget = 3\n")
    for more in ([], ["--plan"], ["--part", "1/2"]):
        status, lines, errors = run(capsys, "study.toml", *more)
        assert (status, lines) == (2, [])
        assert errors == ["error: study.toml: line 2: [products] budget: must lie in (0, 1], a share of the exact FLOPs (got 3.0)"]


def test_a_case_that_is_wrong_is_status_1_also_when_it_was_measured_before(study, tmp_path, capsys):
    (tmp_path / "broken.py").write_text(BROKEN)
    study.write_text(TEXT.replace('"rows_numba"', '"broken.py"').replace("rounds = 2", "rounds = 1").replace("[8, 16]", "8"))
    for _ in range(2):
        status, lines, _ = run(capsys, "study.toml")
        assert status == 1, lines
        assert "bad:     1 record is wrong or failed: the page says which, and why" in lines
    statuses = [record.status for record in read_results(tmp_path / "results" / "study" / "products.jsonl").records]
    assert statuses.count("wrong") == 1


def test_an_interrupt_keeps_what_is_measured_and_says_how_it_goes_on(study, tmp_path):
    study.write_text(TEXT.replace("rounds = 2", "rounds = 500"))
    command = [sys.executable, "-m", "rsc_bench", "sweep", "study.toml", "--results", "o u t"]
    environment = NO_GPU | {"PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    results = tmp_path / "o u t" / "products.jsonl"
    end = time.monotonic() + 240
    while time.monotonic() < end and not (results.exists() and results.read_bytes().count(b'"record"') > 4):
        time.sleep(0.2)
    process.send_signal(2)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors.splitlines()[-1] == "stopped: `rsc-bench sweep study.toml --results 'o u t'` carries on"
    assert "Traceback" not in errors
    assert len(read_results(results).records) > 4
