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
        (["--base", "fast", "--normalise"], "--normalise"),  # in click's own words, which differ between its releases
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


# A shell starts what it puts in the background with Ctrl-C ignored, and so would this be where the tests are run like that.
HEEDING = "import runpy, signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
HEEDING += "runpy.run_module('harness', run_name='__main__', alter_sys=True)"


PIPES = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}


@pytest.fixture
def started(repo, tmp_path):
    """Starts `ab` with a folder of its own for what is temporary."""
    (tmp_path / "tmp").mkdir()
    processes = []

    def start(*before, rounds=500, first="", streams=PIPES):
        command = [*before, sys.executable, "-c", first + HEEDING, "ab", "--base", "fast", "--new", "slow", "--rounds", str(rounds)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path / "tmp")}
        process = subprocess.Popen(command, cwd=repo, env=environment, text=True, start_new_session=True, **streams)
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def left(repo, tmp_path):
    """What is still there of a session: temporary files, and worktrees beside the user's own."""
    return sorted(path.name for path in (tmp_path / "tmp").iterdir()), git(repo, "worktree", "list").count("\n") - 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_interrupted_it_removes_the_checkouts_and_keeps_what_was_measured(started, repo, tmp_path, number):
    process = started()
    assert process.stderr.readline().startswith("round 1/500 of base (fast (")
    time.sleep(0.05)  # into the next round
    process.send_signal(number)
    time.sleep(0.01)
    process.send_signal(number)  # as a shell does that ends with its terminal: the removing goes on
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert "results: " in err
    assert len(read(results_files(repo)[0]).rounds) >= 1
    assert left(repo, tmp_path) == ([], 0)


def test_a_closed_terminal_leaves_nothing_behind(started, repo, tmp_path):
    ours, theirs = os.openpty()
    # In a session of its own, whose terminal that is: so the kernel sends what it sends where a window is closed.
    streams = dict.fromkeys(("stdin", "stdout", "stderr"), theirs)
    process = started(first="import fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); ", streams=streams)
    os.close(theirs)
    said = b""
    while b"round 1/500" not in said:
        said += os.read(ours, 4096)
    os.close(ours)
    assert process.wait(timeout=30) == 130
    assert left(repo, tmp_path) == ([], 0)


def test_a_signal_that_is_ignored_stays_so_and_nobody_need_read_how_far_it_is(started, repo, tmp_path):
    process = started("nohup", rounds=3)
    assert process.stderr.readline().startswith("round 1/3 of base (fast (") or process.stderr.readline()
    process.send_signal(signal.SIGHUP)
    process.stderr.close()
    process.stdout.read()
    assert process.wait(timeout=30) == 1
    assert len(read(results_files(repo)[1]).rounds) == 3
    assert left(repo, tmp_path) == ([], 0)


SLEEPS = """
import os, pathlib, subprocess

def test_sleeps():
    child = subprocess.Popen(["sleep", "300"])
    pathlib.Path({pids!r}).write_text(f"{{os.getpid()}} {{child.pid}} ")
    child.wait()
"""


def is_running(pid):
    psutil = pytest.importorskip("psutil", reason="psutil is not installed: pip install psutil")
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def soon(condition):
    deadline = time.monotonic() + 20
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGHUP])
def test_what_it_has_started_ends_with_it_however_it_ends(started, repo, tmp_path, number):
    pids = tmp_path / "pids"
    (repo / "suites/test_nothing.py").write_text(SLEEPS.format(pids=str(pids)))
    git(repo, "commit", "--all", "--quiet", "--message", "sleeps")
    git(repo, "tag", "--force", "fast")
    process = started()
    assert soon(lambda: pids.exists() and pids.read_text().endswith(" "))
    process.send_signal(number)
    process.wait(timeout=30)
    assert soon(lambda: not any(is_running(int(pid)) for pid in pids.read_text().split()))


def test_what_a_killed_session_has_left_is_removed_at_the_next_start(started, repo, tmp_path):
    process = started()
    process.stderr.readline()
    process.kill()
    process.wait(timeout=30)
    assert soon(lambda: left(repo, tmp_path)[1] == 2)
    living = started()
    living.stderr.readline()
    assert left(repo, tmp_path)[1] == 2, "those of the killed one are gone, those of the living one are there"
    living.send_signal(signal.SIGTERM)
    living.communicate(timeout=30)
    assert left(repo, tmp_path) == ([], 0)
