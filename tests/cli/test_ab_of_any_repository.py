"""`ab` and `aa` in a repository that knows nothing of us."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("click", reason="click is not installed: pip install click")
pytest.importorskip("rich", reason="rich is not installed: pip install rich")
pytest.importorskip("pytest_benchmark", reason="pytest-benchmark is not installed: pip install pytest-benchmark")

from foreign_repository import repository
from stand_in_checkout import git, results_files

from rsc_bench.cli import main
from rsc_bench.harness.records.file import read

ROOT = Path(__file__).resolve().parents[2]
# One plug-in only, to start sooner.
PYTEST = (sys.executable, "-m", "pytest", "-p", "pytest_benchmark.plugin", "-q", "benchmarks")


@pytest.fixture
def repo(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)  # pytest-benchmark measures nothing where it is set
    monkeypatch.chdir(repository(tmp_path / "repo"))
    return tmp_path / "repo"


def test_its_benchmarks_are_judged_case_by_case_with_what_only_one_side_has(repo, capsys):
    assert main(["ab", "--base", "fast", "--new", "slow", "--rounds", "3", "--", *PYTEST]) == 1
    out, err = capsys.readouterr()
    assert "FAIL: 1 slower, 1 missing" in out
    assert {word for word in out.split() if word.startswith("test_")} >= {"test_sorting", "test_old", "test_fresh"}
    assert err.count("2 cases in ") == 6
    base, new = (read(path) for path in results_files(repo))
    assert [run.environment["checkout"]["commit"] for run in (base, new)] == git(repo, "rev-parse", "fast", "slow").split()
    assert all(1.0 < of_new / of_base < 3.0 for of_base, of_new in [(fastest(base), fastest(new))]), "each imports its own package"
    assert git(repo, "worktree", "list").count("\n") == 1
    assert git(repo, "status", "--porcelain") == ""


def fastest(run):
    return min(record.measurement.timing.fastest_s for record in run.records if record.case.kernel == "test_sorting")


def test_a_program_that_prints_a_time_is_judged_too_from_the_folder_that_one_is_in(repo, monkeypatch, capsys):
    monkeypatch.chdir("scripts")
    output = ["--output", str(repo / "results")]
    assert main(["ab", "--base", "fast", "--new", "slow", "--rounds", "3", *output, "--", "sh", "time.sh"]) == 1
    out, err = capsys.readouterr()
    assert "FAIL: 1 slower" in out
    assert "by 3 rounds, processes that differ from run to run can look slower: take 9, or more, to be sure" in err
    assert main(["aa", "--rounds", "6", *output, "--set-up", "sh -c 'echo built'", "--", "sh", "time.sh"]) == 0
    out, err = capsys.readouterr()
    assert "0 of 1 cases called slower" in out
    assert "set up a" in err


def test_what_a_program_writes_into_its_checkout_is_no_change_of_its_code(repo):
    command = "sh scripts/time.sh > time; echo '#' >> scripts/time.sh; cat time"
    assert main(["ab", "--base", "fast", "--new", "fast", "--rounds", "3", "--", "sh", "-c", command]) in (0, 3)
    assert [read(path).environment["checkout"]["dirty"] for path in results_files(repo)] == [False, False]


def test_what_is_not_committed_is_judged_and_what_is_ignored_is_found(repo, capsys):
    (repo / "scripts/time.sh").write_text("cat .venv/time 2> /dev/null; cat $1")
    (repo / ".venv").mkdir()
    (repo / ".venv/time").write_text("30 ms\n")
    assert main(["ab", "--base", "fast", "--rounds", "3", "--", "sh", "scripts/time.sh", ".venv/time"]) == 1
    new = read(results_files(repo)[1])
    assert new.records[0].measurement.timing.times_s == [pytest.approx(0.03)]


@pytest.mark.parametrize(
    ("arguments", "summary"),
    [
        (
            ["--base", "fast"],
            "can be measured: give a later revision, or behind -- a command that measures it",
        ),
        (["--base", "fast", "--", "sh", "no.sh"], "sh no.sh ended with status"),
        (["--base", "fast", "--", "echo", "done"], "base (fast ("),
        (["--base", "fast", "--", "pytest", "--benchmark-json", "a"], "--benchmark-json must name {file}"),
        (["--base", "fast", "--set-up", "'", "--", "true"], '--set-up must be a command (got "\'": No closing quotation)'),
        (["--base", "fast", "--set-up", "false", "--", "true"], "the set-up false ended with status 1: it said nothing"),
    ],
)
def test_bad_usage_is_one_line(repo, capsys, arguments, summary):
    assert main(["ab", *arguments]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert summary in lines[0]
    assert not results_files(repo)


def test_a_folder_that_one_side_has_not_is_named(repo, monkeypatch, capsys):
    Path("new").mkdir()
    Path("new/time.sh").write_text("echo 1 ms")
    monkeypatch.chdir("new")
    assert main(["ab", "--base", "fast", "--", "sh", "time.sh"]) == 2
    assert ") has no folder new: go to one that both sides have" in capsys.readouterr().err


def test_a_command_of_ones_own_cannot_be_slowed_by_us(repo, capsys):
    assert main(["aa", "--inject", "10%", "--", "sh", "scripts/time.sh"]) == 2
    assert "--inject slows calls of our suites, and none of a command of yours" in capsys.readouterr().err


# What CI does not install beside us to judge: gigabytes, and what only measures our own kernels.
WITHOUT = """
import sys
from rsc_bench.cli import main
status = main(sys.argv[1:])
loaded = {"torch", "numba", "triton", "pytest_benchmark"} & set(sys.modules)
sys.exit(f"loaded {loaded}" if loaded else status)
"""


def test_judging_needs_neither_torch_nor_what_measures_our_kernels(repo):
    command = [
        sys.executable,
        "-c",
        WITHOUT,
        "ab",
        "--base",
        "fast",
        "--new",
        "slow",
        "--rounds",
        "3",
        "--",
        "sh",
        "scripts/time.sh",
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 1, done.stderr
    assert "FAIL: 1 slower" in done.stdout
