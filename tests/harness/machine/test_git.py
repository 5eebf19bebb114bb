import os
import shutil

import pytest
from stand_in_checkout import repository

from rsc_bench.harness.machine import git


@pytest.fixture
def repo(tmp_path):
    return repository(tmp_path / "repo")


def test_an_answer_has_what_git_printed(repo):
    answer = git.run(repo, "rev-parse", "--is-inside-work-tree")
    assert (answer.returncode, answer.stdout, git.reason(answer)) == (0, "true\n", "")


def test_a_failure_is_an_answer_with_its_reason_in_one_line(repo):
    answer = git.run(repo, "rev-parse", "--verify", "no-such")
    assert answer.returncode != 0
    assert git.reason(answer) == "Needed a single revision"


def test_a_folder_is_its_own_repository_whatever_a_hook_says(repo, tmp_path, monkeypatch):
    other = repository(tmp_path / "other")
    for name, place in (("GIT_DIR", ".git"), ("GIT_INDEX_FILE", ".git/index"), ("GIT_WORK_TREE", "")):
        monkeypatch.setenv(name, str(other / place))
    assert git.run(repo, "rev-parse", "--show-toplevel").stdout.strip() == str(repo)


def test_a_name_that_is_not_utf_8_is_that_of_its_file(repo):
    name = os.fsdecode(b"caf\xe9.py")
    (repo / name).write_text("1")
    assert git.run(repo, "ls-files", "-z", "--others").stdout == f"{name}\0"


def test_nothing_is_written_into_the_index(repo):
    before = (repo / ".git/index").stat().st_mtime_ns
    os.utime(repo / "suites/conftest.py")
    git.run(repo, "status", "--porcelain")
    assert (repo / ".git/index").stat().st_mtime_ns == before


def test_a_machine_without_git_is_an_answer(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    answer = git.run(tmp_path, "status")
    assert (answer.returncode, git.reason(answer)) == (git.NOT_INSTALLED, "git is not installed")


def test_a_git_that_hangs_is_an_answer(tmp_path, monkeypatch):
    (tmp_path / "git").write_text(f"#!/bin/sh\nexec {shutil.which('sleep')} 60\n")
    (tmp_path / "git").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    answer = git.run(tmp_path, "status", timeout_s=0.1)
    assert (answer.returncode, git.reason(answer)) == (git.TOO_LATE, "git did not answer within 0.1 s")
