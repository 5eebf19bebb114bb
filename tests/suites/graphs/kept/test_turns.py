"""What several processes need is made by one of them; each process of these tests is a real one, unless it is about the clock."""

import contextlib
import errno
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from rsc_bench.harness.records.disk import Disk
from rsc_bench.suites.graphs import published_pyg
from rsc_bench.suites.graphs.kept.folder import Folder, Key
from rsc_bench.suites.graphs.kept.turns import PATIENCE_S, Waiting, turn
from rsc_bench.suites.graphs.published_pyg import GRAPHSAINT

STARTER = """
import os, signal, sys, time
from pathlib import Path
from rsc_bench.suites.graphs import GraphStore
from rsc_bench.suites.graphs.kept.turns import Waiting, turn
from rsc_bench.suites.graphs.source import Source

def say(*words):
    os.write(1, (" ".join(map(str, (*words, os.getpid()))) + chr(10)).encode())

WORK

signal.signal(signal.SIGCHLD, signal.SIG_IGN)
say("ready")
for line in sys.stdin:  # a process for each, of which none has anything of another one's
    if os.fork() == 0:
        work(Path(sys.argv[1]), line.strip())
        say("done")
        os._exit(0)
"""
MAKES = """
def work(folder, seconds):
    with turn(folder / "lock", "it", Waiting(print)):
        if not (folder / "it").exists():
            say("making")
            time.sleep(float(seconds))
            (folder / "it").touch()
"""
LOADS = """
answer = Source.answer

def noting(self, field, wanted, given):
    if field == "load":
        say("making", given.name)
        time.sleep(1)
    return answer(self, field, wanted, given)

Source.answer = noting

def work(folder, name):
    graph = GraphStore().load(name)
    say(graph.digest, graph.features.sum().item())
"""


class Processes:
    """Starts processes that do some work, and reads what they say: words, and which process it is."""

    def __init__(self, work, folder, **environment):
        command = [sys.executable, "-c", STARTER.replace("WORK", work), str(folder)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        # They are forked when everything is loaded, and one thread of OpenMP's is none that they would miss.
        environment = {**os.environ, "OMP_NUM_THREADS": "1", **environment}
        self._starter = subprocess.Popen(command, **pipes, text=True, env=environment, start_new_session=True)

    def __enter__(self):
        assert self.says()[0] == "ready"
        return self

    def __exit__(self, *_):
        os.killpg(self._starter.pid, signal.SIGKILL)
        self._starter.communicate()

    def start(self, *each):
        for given in each:
            self._starter.stdin.write(f"{given}\n")
        self._starter.stdin.flush()

    def says(self):
        *words, process = self._starter.stdout.readline().split()
        return " ".join(words), int(process)

    def said(self, lines):
        return Counter(self.says()[0] for _ in range(lines))


def kill(process):
    os.kill(process, signal.SIGKILL)


def test_what_several_processes_need_at_once_is_made_by_one_of_them(tmp_path):
    with Processes(MAKES, tmp_path) as processes:
        processes.start(*[0.5] * 5)
        assert processes.said(6) == {"making": 1, "done": 5}
    assert [path.name for path in tmp_path.iterdir()] == ["it"], "the lock is gone with the work"


def test_where_the_process_that_makes_it_is_killed_one_of_those_that_wait_makes_it(tmp_path):
    with Processes(MAKES, tmp_path) as processes:
        processes.start(1000)
        said, maker = processes.says()
        assert said == "making"
        processes.start(*[0.3] * 4)
        time.sleep(0.5)  # they wait by now
        kill(maker)
        assert processes.said(5) == {"making": 1, "done": 4}
        (tmp_path / "it").unlink()
        processes.start(1000)
        kill(processes.says()[1])  # nobody waits, and what it leaves stops nobody
        processes.start(0)
        assert processes.said(2) == {"making": 1, "done": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["it"]


def test_a_graph_that_several_processes_need_is_made_once(tmp_path):
    name, cache = "twin:flickr@0.005", tmp_path / "cache"
    with Processes(LOADS, tmp_path, RSC_BENCH_CACHE=str(cache)) as processes:
        processes.start(*[name] * 3)
        said = processes.said(7)
    assert said.pop(f"making {name}") == 1
    assert said.pop("done") == 3
    assert list(said.values()) == [3], "all have the same"
    assert not list((cache / "graphs").glob(".lock*"))


def held(path):
    """A lock that somebody holds, until the stack is closed."""
    holder = contextlib.ExitStack()
    holder.enter_context(turn(path, "it", Waiting(pytest.fail)))
    return holder


def test_it_is_said_once_that_a_process_waits_and_for_which(tmp_path):
    lock, said, now = tmp_path / "lock", [], [0.0]
    holder = held(lock)

    def sleep(seconds):
        now[0] += seconds
        assert bool(said) == (now[0] > PATIENCE_S + seconds)
        if now[0] > 4 * PATIENCE_S:
            holder.close()

    with turn(lock, "twin:x", Waiting(said.append, now_s=lambda: now[0], sleep=sleep)):
        pass
    assert len(said) == 1
    assert re.fullmatch(rf"waiting for twin:x, which process {os.getpid()} on \S+ makes already", said[0])


def test_who_has_waited_holds_no_lock_and_all_that_waited_go_on_at_once(tmp_path):
    lock = tmp_path / "lock"
    holder = held(lock)
    waiting = Waiting(pytest.fail, sleep=lambda seconds: holder.close())
    with turn(lock, "it", waiting), turn(lock, "it", Waiting(pytest.fail, sleep=pytest.fail)):
        assert lock.exists(), "the second one has not waited, so others wait for it"


def test_an_error_lets_go_of_the_lock(tmp_path):
    with pytest.raises(RuntimeError, match="mine"), held(tmp_path / "lock"):
        raise RuntimeError("mine")
    assert list(tmp_path.iterdir()) == []


class NoLocks(Disk):
    def lock(self, fd):
        raise OSError(errno.ENOLCK, "No locks available")


def test_where_the_file_system_has_no_locks_nobody_waits(tmp_path):
    waiting = Waiting(pytest.fail, NoLocks(), sleep=pytest.fail)
    with turn(tmp_path / "lock", "it", waiting), turn(tmp_path / "lock", "it", waiting):
        pass


def test_where_no_file_can_be_made_nobody_waits(tmp_path):
    waiting = Waiting(pytest.fail, sleep=pytest.fail)
    with turn(tmp_path / "none/lock", "it", waiting), turn(tmp_path / "none/lock", "it", waiting):
        pass


def test_what_is_not_kept_anyway_is_made_by_all_at_once(tmp_path):
    nothing = Folder(tmp_path / "cache", lambda taken: 0)
    with nothing.turn(Key("x", {})), nothing.turn(Key("x", {})):
        assert not (tmp_path / "cache").exists()


def test_each_key_has_a_turn_of_its_own(tmp_path):
    folder = Folder(tmp_path, lambda taken: 10**6)
    with folder.turn(Key("x", {"code": "a"})), folder.turn(Key("x", {"code": "b"})), folder.turn(Key("../y", {})):
        assert len(list(tmp_path.iterdir())) == 3
    assert list(tmp_path.iterdir()) == []


def test_a_published_graph_is_downloaded_once(tmp_path, monkeypatch):
    fetched = []

    def fetch(what, path):
        fetched.append(path.name)
        time.sleep(0.05)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"it")

    monkeypatch.setattr(published_pyg, "fetch", fetch)
    monkeypatch.setattr(published_pyg, "_graph", lambda name, raw: name)
    monkeypatch.setattr(published_pyg, "_graphsaint", lambda raw: raw)
    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(lambda _: published_pyg.load("flickr", tmp_path), range(3))) == ["flickr"] * 3
    assert sorted(fetched) == sorted(GRAPHSAINT["flickr"])
    assert [path.name for path in tmp_path.iterdir()] == ["Flickr"]


def test_an_archive_is_unpacked_whole_or_not(tmp_path, monkeypatch):
    import zipfile

    seen = []

    class Slow(zipfile.ZipFile):
        def extract(self, name, path):
            place = super().extract(name, path)
            seen.append(sorted(each.name for each in (tmp_path / "Reddit/raw").glob("*.npz")))
            return place

    def fetch(what, path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(path, "w") as archive:
            for name in published_pyg._REDDIT_FILES:
                archive.writestr(name, b"it")

    monkeypatch.setattr(published_pyg, "fetch", fetch)
    monkeypatch.setattr(published_pyg.zipfile, "ZipFile", Slow)
    published_pyg._complete("reddit", published_pyg.contents("reddit", tmp_path))
    assert seen == [[], []]
    assert sorted(path.name for path in Path(tmp_path / "Reddit/raw").iterdir()) == sorted(published_pyg._REDDIT_FILES)
