"""Two revisions in one command: `ab` measures both in turns, then ends as `compare` does."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("click", reason="click is not installed: pip install click")
pytest.importorskip("rich", reason="rich is not installed: pip install rich")

from stand_in_checkout import entered, git, results_files, write_suites

from rsc_bench.cli import main
from rsc_bench.harness.records.file import read

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def repo(tmp_path, monkeypatch):
    return entered(tmp_path / "repo", monkeypatch)


def test_a_slower_revision_fails(repo, capsys):
    assert main(["ab", "--base", "fast", "--new", "slow", "--rounds", "3"]) == 1
    out, err = capsys.readouterr()
    assert "FAIL: 2 slower" in out
    assert err.count("round ") == 6
    assert f"results: {results_files(Path())[0]} {results_files(Path())[1]}" in err


def test_a_faster_revision_passes(repo, capsys):
    assert main(["ab", "--base", "slow", "--new", "fast", "--rounds", "3"]) == 0
    assert "PASS" in capsys.readouterr().out


def test_too_few_rounds_cannot_be_judged(repo):
    assert main(["ab", "--base", "fast", "--new", "slow", "--rounds", "1"]) == 3


def test_the_working_tree_is_judged_where_no_revision_is_named(repo, capsys):
    write_suites(repo, 0.5)  # not committed; the last commit takes 1.5 s
    git(repo, "stash", "list")
    status = git(repo, "status", "--porcelain")
    assert main(["ab", "--base", "slow", "--rounds", "3", "--all"]) == 0
    assert "2 faster" in capsys.readouterr().out
    assert git(repo, "status", "--porcelain") == status


def test_it_can_be_run_from_a_folder_of_the_checkout(repo, monkeypatch):
    monkeypatch.chdir(repo / "suites")
    assert main(["ab", "--base", "fast", "--new", "fast", "--rounds", "1", "--output", str(repo / "results")]) == 3
    assert len(results_files(repo)) == 2


def test_options_behind_the_dashes_go_to_the_suites(repo):
    assert main(["ab", "--base", "fast", "--new", "fast", "--rounds", "1", "--", "--slow-down", "1"]) == 3
    assert [read(path).environment["slow_down"] for path in results_files(repo)] == [1.0, 1.0]


def test_it_takes_the_options_of_compare(repo, tmp_path):
    options = ["--threshold", "60%", "--json", str(tmp_path / "out.json"), "--markdown", str(tmp_path / "out.md")]
    assert main(["ab", "--base", "fast", "--new", "slow", "--rounds", "3", *options]) == 0  # half as slow again is within 60 %
    assert json.loads((tmp_path / "out.json").read_text())["threshold"] == 0.6
    assert "ours" in (tmp_path / "out.md").read_text()


@pytest.mark.parametrize(
    ("arguments", "summary"),
    [
        (["--base", "nowhere"], "revision 'nowhere' is not in this repository: give a commit, branch or tag of it"),
        (["--base", "fast", "--new", "nowhere"], "revision 'nowhere' is not in this repository"),
        (["--base", "empty"], "has no suites/ folder"),
        (["--base", "fast", "--", "--rounds", "3"], "--rounds cannot be given to the suites here"),
        (["--base", "fast", "--", "--no-such"], "base (fast ("),
        (["--base", "fast", "--rounds", "0"], "--rounds"),
        (["--base", "fast", "--threshold", "0%"], "--threshold must be above 0%"),
        (["--base", "fast", "--normalise"], "No such option '--normalise'"),
        (["--base", "fast", "--markdown", "README"], "README: was not written by this program"),
        ([], "Missing option '--base'"),
    ],
)
def test_bad_usage_is_one_line_and_leaves_nothing(repo, capsys, arguments, summary):
    Path("README").write_text("of the user")
    assert main(["ab", *arguments]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert summary in lines[0]
    assert not results_files(repo)
    assert git(repo, "worktree", "list").count("\n") == 1


def test_outside_of_git_it_is_one_line(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["ab", "--base", "HEAD"]) == 2
    assert "must be in a git checkout" in capsys.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_it_removes_the_checkouts_and_keeps_what_was_measured(repo, number):
    # A shell starts what it puts in the background with Ctrl-C ignored, and so would this be where the tests are run like that.
    heeding = "import runpy, signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    heeding += "runpy.run_module('harness', run_name='__main__', alter_sys=True)"
    command = [sys.executable, "-c", heeding, "ab", "--base", "fast", "--new", "slow", "--rounds", "500"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, cwd=repo, env=environment, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    assert process.stderr.readline().startswith("round 1/500 of base (fast (")
    time.sleep(0.05)  # into the next round
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "results: " in err
    assert len(read(results_files(repo)[0]).rounds) >= 1
    assert git(repo, "worktree", "list").count("\n") == 1
