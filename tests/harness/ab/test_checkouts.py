"""Checkouts are made beside the user's, which nobody touches."""

import hashlib

import pytest
from stand_in_checkout import git, repository

from rsc_bench.harness.ab import AlternatingError
from rsc_bench.harness.ab.checkouts import checkouts, find, is_tracked, root_of, two_of_the_working_tree


@pytest.fixture
def repo(tmp_path):
    return repository(tmp_path / "repo")


def state(repo):
    """All that a user could miss: files, index, stash, branches, tags, HEAD and worktrees."""
    files = {path: path.read_bytes() for path in repo.rglob("*") if path.is_file() and ".git" not in path.parts}
    index = hashlib.sha256((repo / ".git/index").read_bytes()).hexdigest()
    summary = [git(repo, *command.split()) for command in ("stash list", "for-each-ref", "rev-parse HEAD", "worktree list")]
    return files, index, summary


def test_each_revision_gets_a_folder_of_its_own(repo):
    with checkouts(repo, [find(repo, "fast"), find(repo, "slow")]) as (fast, slow):
        assert "SECONDS = 1.0" in (fast / "suites/conftest.py").read_text()
        assert "SECONDS = 1.5" in (slow / "suites/conftest.py").read_text()
        assert len(str(fast)) == len(str(slow))


def test_one_revision_may_be_checked_out_twice(repo):
    with checkouts(repo, [find(repo, "fast")] * 2) as (one, other):
        assert one != other


def test_the_working_tree_comes_with_what_is_not_committed(repo):
    (repo / "suites/conftest.py").write_text("changed = 1")
    (repo / "suites/test_nothing.py").unlink()
    (repo / "suites/test_new.py").write_text("new = 1")
    (repo / "staged.py").write_text("staged = 1")
    git(repo, "add", "staged.py")
    with checkouts(repo, [find(repo, None)]) as (copy,):
        assert (copy / "suites/conftest.py").read_text() == "changed = 1"
        assert not (copy / "suites/test_nothing.py").exists()
        assert (copy / "suites/test_new.py").read_text() == "new = 1"
        assert (copy / "staged.py").read_text() == "staged = 1"


def test_a_file_that_became_a_folder_and_a_folder_that_became_a_file_are_copied_as_they_are(repo):
    (repo / "folder").mkdir()
    (repo / "folder/inside").write_text("1")
    (repo / "file").write_text("2")
    git(repo, "add", "--all")
    git(repo, "commit", "--quiet", "--message", "both")
    (repo / "folder/inside").unlink()
    (repo / "folder").rmdir()
    (repo / "folder").write_text("now a file")
    (repo / "file").unlink()
    (repo / "file").mkdir()
    (repo / "file/inside").write_text("now a folder")
    with checkouts(repo, [find(repo, None)]) as (copy,):
        assert (copy / "folder").read_text() == "now a file"
        assert (copy / "file/inside").read_text() == "now a folder"


def test_published_graphs_are_linked_not_downloaded_again(repo):
    (repo / "data").mkdir()
    (repo / "data/reddit.npz").write_text("large")
    with checkouts(repo, [find(repo, "fast")]) as (copy,):
        assert (copy / "data/reddit.npz").read_text() == "large"
    assert (repo / "data/reddit.npz").read_text() == "large"


def test_nothing_of_the_user_has_changed_afterwards(repo):
    (repo / "suites/conftest.py").write_text("changed = 1")
    (repo / "new.py").write_text("new = 1")
    git(repo, "add", "new.py")
    git(repo, "stash", "push", "--quiet", "--", "new.py")
    before = state(repo)
    with checkouts(repo, [find(repo, "fast"), find(repo, None)]) as folders:
        (folders[1] / "new.py").write_text("written by a suite")
    assert state(repo) == before
    assert not any(folder.exists() for folder in folders)


def test_the_checkouts_are_removed_when_the_work_is_interrupted(repo):
    before = state(repo)
    with pytest.raises(KeyboardInterrupt), checkouts(repo, [find(repo, "fast")] * 2) as folders:
        raise KeyboardInterrupt
    assert state(repo) == before
    assert not any(folder.exists() for folder in folders)


def test_the_checkouts_are_removed_when_one_cannot_be_made(repo):
    gone = find(repo, "fast").__class__("0" * 40, False, "gone (00000000)")
    with (
        pytest.raises(AlternatingError, match=r"gone \(00000000\): git made no worktree"),
        checkouts(repo, [find(repo, "fast"), gone]),
    ):
        pass
    assert git(repo, "worktree", "list").count("\n") == 1


def test_no_hook_of_the_user_runs(repo):
    hook = repo / ".git/hooks/post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\ntouch ran\n")
    hook.chmod(0o755)
    with checkouts(repo, [find(repo, "fast")]) as (copy,):
        assert not (copy / "ran").exists()


def test_the_repository_that_git_names_to_a_hook_does_not_mislead(repo, tmp_path, monkeypatch):
    other = repository(tmp_path / "other")
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other / ".git/index"))
    assert root_of(repo) == repo


@pytest.mark.parametrize("revision", ["no-such", "--help", "fast:suites", ""])
def test_a_revision_that_does_not_exist_is_named(repo, revision):
    with pytest.raises(AlternatingError, match="is not in this repository") as error:
        find(repo, revision)
    assert repr(revision) in str(error.value)


def test_a_revision_without_suites_is_named(repo):
    with pytest.raises(AlternatingError, match=r"^empty \([0-9a-f]{8}\) has no suites/ folder"):
        find(repo, "empty")


def test_a_folder_outside_of_git_is_named(tmp_path):
    with pytest.raises(AlternatingError, match="must be in a git checkout"):
        root_of(tmp_path)


def test_a_machine_without_git_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(AlternatingError, match="git is not installed"):
        root_of(tmp_path)


def test_a_path_is_the_checkouts_own_when_git_knows_it(repo, tmp_path):
    (repo / "mine.npz").touch()
    (tmp_path / "elsewhere.npz").touch()
    own = [is_tracked(repo, path) for path in (repo / "suites", repo / "mine.npz", tmp_path / "elsewhere.npz")]
    assert own == [True, False, False]


def test_without_git_a_folder_is_measured_against_itself_in_place(tmp_path):
    with two_of_the_working_tree(tmp_path) as (folders, root):
        assert folders == [tmp_path, tmp_path]
        assert root is None
