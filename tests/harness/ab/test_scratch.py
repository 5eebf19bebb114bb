"""Folders for what is temporary are gone at the end, or at the next start."""

import os
import subprocess
import sys
import tempfile
import time

import pytest
from stand_in_checkout import git, repository

from rsc_bench.harness.ab import leash
from rsc_bench.harness.ab.scratch import scratch


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    """Where temporary folders are made."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    return tmp_path / "tmp"


def left_over(place, name="rsc-bench-old", owner=b""):
    folder = place / name
    folder.mkdir()
    (folder / "owner").write_bytes(owner)
    (folder / "large").write_text("x")
    return folder


def test_a_folder_is_there_and_then_gone(place):
    with scratch() as folder:
        (folder / "file").write_text("x")
        assert folder.parent == place
    assert list(place.iterdir()) == []


def test_what_a_killed_process_has_left_is_removed_at_the_next_start(place):
    old = left_over(place)
    with scratch():
        assert not old.exists()


def test_what_a_living_process_has_is_left_alone(place):
    with scratch() as one, scratch() as other:
        assert one.is_dir()
        assert other.is_dir()


def test_what_is_not_known_to_be_ours_is_left_alone(place, tmp_path):
    elsewhere = left_over(tmp_path, "elsewhere")
    (place / "rsc-bench-link").symlink_to(elsewhere)
    (place / "rsc-bench-unknown").mkdir()
    left_over(place, "of-another-program")
    with scratch():
        pass
    assert sorted(path.name for path in place.iterdir()) == ["of-another-program", "rsc-bench-link", "rsc-bench-unknown"]
    assert (elsewhere / "large").exists()


def test_a_folder_whose_process_was_killed_when_it_had_just_made_it_goes_as_soon_as_that_is_sure(place):
    for name, age_s in (("rsc-bench-old", 100), ("rsc-bench-young", 0)):
        (place / name).mkdir()
        (place / name / ".owner").touch()
        os.utime(place / name, (time.time() - age_s,) * 2)
    with scratch():
        assert not (place / "rsc-bench-old").exists()
        assert (place / "rsc-bench-young").exists()


def test_a_folder_of_another_user_is_left_alone(place, monkeypatch):
    old = left_over(place)
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    with scratch():
        assert old.exists()


@pytest.mark.parametrize("damage", ["whole", "no .git", "no folder", "locked"])
def test_a_worktree_that_was_left_is_taken_off_the_list_of_its_repository(place, tmp_path, damage):
    repo = repository(tmp_path / "repo")
    folder = left_over(place, owner=os.fsencode(repo))
    git(repo, "worktree", "add", "--quiet", "--detach", str(folder / "side0"), "fast")
    if damage == "no .git":
        (folder / "side0/.git").unlink()
    elif damage == "no folder":
        (folder / "side0").rename(tmp_path / "moved")
    elif damage == "locked":
        git(repo, "worktree", "lock", str(folder / "side0"))
    mine = tmp_path / "mine"
    git(repo, "worktree", "add", "--quiet", "--detach", str(mine), "fast")
    with scratch():
        assert git(repo, "worktree", "list").count("\n") == 2
    assert (mine / ".git").exists(), "the user's own stays"


def test_a_repository_that_is_gone_keeps_nothing_from_being_removed(place, tmp_path):
    old = left_over(place, owner=os.fsencode(tmp_path / "gone"))
    with scratch():
        assert not old.exists()


def leashed(*command, **options):
    return subprocess.Popen([sys.executable, "-I", "-S", leash.__file__, *command], stdin=subprocess.PIPE, **options)


@pytest.mark.parametrize(("script", "status"), [("exit 0", 0), ("exit 5", 5), ("kill -9 $$", 137)])
def test_a_leash_ends_as_its_command_does(script, status):
    with leashed("sh", "-c", script) as process:
        assert process.wait(timeout=30) == status


def test_a_leash_kills_its_command_and_what_that_has_started_when_its_pipe_ends():
    with leashed("sh", "-c", "sleep 300 & echo ready; wait", stdout=subprocess.PIPE, start_new_session=True) as process:
        process.stdout.readline()
        process.stdin.close()
        # The end of standard output is that of the last process that holds it: of all of them.
        assert process.stdout.read() == b""
        assert process.wait(timeout=30) == -9
