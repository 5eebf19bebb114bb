import json
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

import rsc_bench
from rsc_bench import allocator
from rsc_bench.harness.machine import environment
from rsc_bench.harness.records.environments import differences, flat


def test_it_is_json_and_the_same_at_each_call():
    once = environment.read()
    assert json.loads(json.dumps(once)) == once == environment.read()
    assert once["cpu"]["usable_cores"] >= 1
    assert once["memory_bytes"] > 2**28
    assert once["versions"]["numpy"]


def test_the_checkout_is_the_one_that_the_code_stands_in():
    assert (environment.ROOT / "harness" / "machine" / "environment.py").samefile(environment.__file__)
    assert environment.read()["checkout"] == environment.checkout(environment.ROOT)


def test_an_absent_package_is_none_and_reading_loads_no_torch():
    assert environment.version("no-such-distribution") is None
    reading = "from rsc_bench.harness.machine.environment import read; threads = read()['threads']"
    code = f"import sys; {reading}; print('torch' in sys.modules, threads['torch'])"
    done = subprocess.run([sys.executable, "-c", code], cwd=environment.ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "None"]


def test_threads_of_the_environment_are_kept(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert environment.read()["threads"]["OMP_NUM_THREADS"] == "3"


@pytest.mark.parametrize(("size", "expected"), [("33792K", 33792 * 1024), ("32M", 32 * 2**20), ("odd", None)])
def test_the_l3_size_is_in_bytes(tmp_path, size, expected):
    for index, (level, text) in enumerate([("1", "48K"), ("3", size)]):
        folder = tmp_path / f"cache/index{index}"
        folder.mkdir(parents=True)
        (folder / "level").write_text(level)
        (folder / "size").write_text(text)
    assert environment.read(cpu0=tmp_path)["cpu"]["l3_bytes"] == expected
    assert environment.l3_bytes(tmp_path) == expected
    assert environment.governor(tmp_path) is None


def test_whether_results_can_have_huge_pages_is_told():
    assert environment.read()["os"]["huge_pages"] is allocator.huge_pages()


def test_the_governor_is_that_of_the_first_core(tmp_path):
    (tmp_path / "cpufreq").mkdir()
    (tmp_path / "cpufreq" / "scaling_governor").write_text("powersave\n")
    assert environment.governor(tmp_path) == environment.read(cpu0=tmp_path)["cpu"]["governor"] == "powersave"


def git(folder, *arguments):
    identity = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", str(folder), *identity, *arguments], check=True, capture_output=True)


@pytest.fixture
def clean(tmp_path):
    git(tmp_path, "init", "-q")
    (tmp_path / "kernel.py").write_text("a")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "a", "--no-verify")
    return tmp_path


def test_a_clean_checkout_has_a_commit(clean):
    found = environment.checkout(clean)
    assert len(found["commit"]) == 40
    assert (found["dirty"], found["changes"], found["reason"]) == (False, None, None)


def test_a_commit_has_its_date_so_that_runs_can_be_put_in_order(clean):
    git(clean, "commit", "-q", "--amend", "--no-edit", "--no-verify", "--date=2001-01-01T00:00:00Z")
    committed = datetime.fromisoformat(environment.checkout(clean)["committed"])
    # When it was committed, not when it was first written: a rebased commit runs where it now stands.
    assert datetime.now(UTC) - committed < timedelta(minutes=5)


def test_a_changed_file_or_a_new_kernel_is_dirty_and_a_results_file_is_not(clean):
    (clean / "run.jsonl").write_text("a")
    assert environment.checkout(clean)["dirty"] is False
    (clean / "new kernel.py").write_text("a")
    assert environment.checkout(clean)["dirty"] is True
    (clean / "new kernel.py").unlink()
    (clean / "kernel.py").write_text("b")
    assert environment.checkout(clean)["dirty"] is True


def test_two_states_of_uncommitted_code_have_two_digests_and_one_state_has_one(clean):
    def digest(text, name="kernel.py"):
        (clean / name).write_text(text)
        return environment.checkout(clean)["changes"]

    assert re.fullmatch("[0-9a-f]{12}", digest("b"))
    assert digest("b") == digest("b") != digest("c")
    assert digest("a") is None, "as committed"
    assert digest("b", "new kernel é.py") != digest("c", "new kernel é.py")


def test_the_digest_is_of_what_is_on_disk_staged_or_not(clean):
    (clean / "kernel.py").write_text("b")
    before = environment.checkout(clean)["changes"]
    git(clean, "add", ".")
    assert environment.checkout(clean)["changes"] == before
    (clean / "kernel.py").unlink()
    gone = environment.checkout(clean)["changes"]
    assert gone not in {before, None}
    (clean / "kernel.py").write_text("")
    assert environment.checkout(clean)["changes"] not in {gone, before, None}, "empty is not deleted"


def test_a_new_page_changes_nothing_staged_or_not(clean):
    (clean / "page.md").write_text("a")
    (clean / "new.py").write_text("b")
    before = environment.checkout(clean)["changes"]
    git(clean, "add", ".")
    assert environment.checkout(clean)["changes"] == before
    git(clean, "rm", "-q", "--cached", "new.py")
    (clean / "new.py").unlink()
    assert environment.checkout(clean)["dirty"] is False


def test_outside_a_checkout_there_is_a_reason(tmp_path, clean):
    inside = clean / "copy"
    inside.mkdir()
    assert environment.checkout(inside) == {
        "commit": None,
        "committed": None,
        "dirty": None,
        "changes": None,
        "reason": f"not a git checkout of its own, version {rsc_bench.__version__}",
    }
    assert environment.checkout(inside / "nowhere")["reason"].startswith("cannot change to")


def test_without_git_there_is_a_reason(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert environment.checkout(tmp_path)["reason"] == "git is not installed"


def test_nesting_deeper_than_python_recurses_is_flattened():
    tree = 1
    for _ in range(3000):
        tree = {"a": tree}
    assert list(flat(tree).values()) == [1]


def test_differences_name_the_leaves():
    one = {"cpu": {"model": "a", "cores": 2}, "gpus": [], "same": 1}
    other = {"cpu": {"model": "b", "cores": 2}, "gpus": [{"name": "g"}], "same": 1}
    assert differences(one, other) == {"cpu.model": ("a", "b"), "gpus": ([], None), "gpus.0.name": (None, "g")}
